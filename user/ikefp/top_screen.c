// SPDX-License-Identifier: GPL-2.0
/* The terminal, by ncurses: in bold and reverse, so that it needs no colours. */
#include "top.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What gives the terminal back, found beforehand: a signal's handler cannot ask for it. */
static struct {
	struct termios mode;
	char text[256];
	size_t len;
} given_back;

static SCREEN *screen;

static int keep(int c)
{
	if (given_back.len < sizeof(given_back.text))
		given_back.text[given_back.len++] = (char)c;
	return c;
}

static void keep_capability(const char *name)
{
	const char *text = tigetstr(name);

	if (text && text != (const char *)-1)
		tputs(text, 1, keep);
}

/* Any signal that ends the process: the terminal first, then as if it had come here not. */
static void give_back(int number)
{
	ssize_t done = write(STDOUT_FILENO, given_back.text, given_back.len);

	(void)done;
	tcsetattr(STDOUT_FILENO, TCSANOW, &given_back.mode);
	/* SA_RESETHAND: the signal's own action, once this returns. */
	raise(number);
}

static void catch_signals(void)
{
	static const int numbers[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU,
		SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGSYS, SIGTRAP, SIGABRT,
		SIGBUS, SIGFPE, SIGILL, SIGSEGV,
	};
	struct sigaction action = {
		.sa_handler = give_back, .sa_flags = (int)SA_RESETHAND,
	};
	sigset_t resize;

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaction(numbers[i], &action, NULL);
	/* Comes while screen_wait() waits, and at no other time, so that none is missed. */
	sigemptyset(&resize);
	sigaddset(&resize, SIGWINCH);
	sigprocmask(SIG_BLOCK, &resize, NULL);
}

int screen_open(void)
{
	const char *type = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		fprintf(stderr, "ikefp top: standard %s is no terminal; 'ikefp stats' shows the counters anywhere\n",
			isatty(STDOUT_FILENO) ? "input" : "output");
		return -1;
	}
	if (tcgetattr(STDOUT_FILENO, &given_back.mode)) {
		fprintf(stderr, "ikefp top: the terminal: %s\n", strerror(errno));
		return -1;
	}
	screen = type ? newterm(NULL, stdout, stdin) : NULL;
	if (!screen) {
		fprintf(stderr, "ikefp top: terminals of the type '%s' are not known here: set TERM, for example TERM=vt100\n",
			type ? type : "");
		return -1;
	}
	keep_capability("sgr0");
	keep_capability("rmkx");
	keep_capability("cnorm");
	keep_capability("rmcup");
	catch_signals();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	return 0;
}

void screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void screen_size(int *height, int *width)
{
	getmaxyx(stdscr, *height, *width);
}

/* (term.h has a macro "lines".) */
void screen_draw(const struct top_line *page, int height)
{
	static const attr_t styles[] = {
		[TOP_PLAIN] = A_NORMAL, [TOP_BOLD] = A_BOLD, [TOP_BAR] = A_REVERSE,
	};

	erase();
	for (int y = 0; y < height; y++) {
		attrset(styles[page[y].style]);
		mvaddstr(y, 0, page[y].text);
		if (page[y].style == TOP_BAR)
			mvchgat(y, 0, -1, A_REVERSE, 0, NULL);
	}
	attrset(A_NORMAL);
	refresh();
}

int screen_key(void)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{ KEY_RESIZE, SCREEN_RESIZED }, { KEY_UP, SCREEN_UP }, { KEY_DOWN, SCREEN_DOWN },
		{ KEY_PPAGE, SCREEN_PAGE_UP }, { KEY_NPAGE, SCREEN_PAGE_DOWN },
		{ KEY_HOME, SCREEN_HOME }, { KEY_END, SCREEN_END },
	};
	int c = getch();

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (c == keys[i].curses)
			return keys[i].key;
	return c >= 0 && c < 256 ? c : SCREEN_NONE;
}

int screen_wait(uint64_t us)
{
	const struct timespec time = {
		.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000),
	};
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = ppoll(&fd, 1, &time, &none);
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	return n && fd.revents & (POLLHUP | POLLERR | POLLNVAL) ? -1 : 0;
}
