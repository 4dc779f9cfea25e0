// SPDX-License-Identifier: GPL-2.0
/*
 * usage: initiate VICI-SOCKET COUNT AT-ONCE
 *
 * Has a daemon set up the children net1 to netCOUNT, so many of them at once, and writes a
 * line for each: microseconds from the command to its answer, and "established" or
 * "failed". What swanctl does, a hundred times without starting it a hundred times.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"

#define LANES_MAX	32
#define PACKET_MAX	4096
#define PATIENCE	"600000"	/* ms: the daemons give up sooner by themselves */

/* VICI's packets and elements. */
enum { CMD_REQUEST = 0, CMD_RESPONSE = 1, KEY_VALUE = 3 };

struct lane {
	unsigned int number;
	uint64_t begin_us;
};

static struct pollfd fds[LANES_MAX];
static struct lane lanes[LANES_MAX];

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ull + now.tv_nsec / 1000;
}

static size_t put_value(uint8_t *at, const char *key, const char *value)
{
	size_t key_len = strlen(key), len = strlen(value);

	at[0] = KEY_VALUE;
	at[1] = key_len;
	memcpy(at + 2, key, key_len);
	at[2 + key_len] = len >> 8;
	at[3 + key_len] = len;
	memcpy(at + 4 + key_len, value, len);
	return 4 + key_len + len;
}

static void begin(unsigned int i, unsigned int number)
{
	static const char command[] = "initiate";
	uint8_t packet[256] = { 0 };
	size_t len = sizeof(uint32_t);
	char child[16];
	uint32_t net;

	packet[len++] = CMD_REQUEST;
	packet[len++] = sizeof(command) - 1;
	memcpy(packet + len, command, sizeof(command) - 1);
	len += sizeof(command) - 1;
	snprintf(child, sizeof(child), "net%u", number);
	len += put_value(packet + len, "child", child);
	len += put_value(packet + len, "timeout", PATIENCE);
	net = htonl(len - sizeof(net));
	memcpy(packet, &net, sizeof(net));
	lanes[i] = (struct lane){ number, clock_us() };
	if (write(fds[i].fd, packet, len) != (ssize_t)len)
		fail("cannot ask for net%u: %s", number, strerror(errno));
}

static void read_all(int fd, void *to, size_t len)
{
	ssize_t n;

	for (; len; to = (char *)to + n, len -= n) {
		n = read(fd, to, len);
		if (n <= 0)
			fail("the daemon is gone");
	}
}

static void end(unsigned int i)
{
	static const char yes[] = "\3\7success\0\3yes";
	uint8_t packet[PACKET_MAX];
	uint32_t len;

	read_all(fds[i].fd, &len, sizeof(len));
	len = ntohl(len);
	if (!len || len > sizeof(packet))
		fail("a packet of %u octets", len);
	read_all(fds[i].fd, packet, len);
	if (packet[0] != CMD_RESPONSE)
		fail("the answer is of type %u", packet[0]);
	printf("%" PRIu64 " %s\n", clock_us() - lanes[i].begin_us,
	       memmem(packet, len, yes, sizeof(yes) - 1) ? "established" : "failed");
	fflush(stdout);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail("%s: %s", path, strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	unsigned int count, at_once, i, next = 1, running = 0;

	if (argc != 4)
		fail("usage: initiate VICI-SOCKET COUNT AT-ONCE");
	count = strtoul(argv[2], NULL, 10);
	at_once = strtoul(argv[3], NULL, 10);
	if (!at_once || at_once > LANES_MAX || at_once > count)
		fail("'%s' at once cannot be", argv[3]);
	for (i = 0; i < at_once; i++) {
		fds[i] = (struct pollfd){ .fd = connect_to(argv[1]), .events = POLLIN };
		begin(i, next++);
		running++;
	}
	while (running) {
		if (poll(fds, at_once, -1) < 0)
			fail("poll: %s", strerror(errno));
		for (i = 0; i < at_once; i++) {
			if (!fds[i].revents)
				continue;
			end(i);
			if (next <= count) {
				begin(i, next++);
			} else {
				close(fds[i].fd);
				fds[i].fd = -1;
				running--;
			}
		}
	}
	return 0;
}
