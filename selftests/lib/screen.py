#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""usage: screen.py HEIGHTxWIDTH STEP... -- COMMAND...

Runs a command in a terminal of this size, and does with it step by step:

    see=REGEX        waits until a line of the screen matches
    never=REGEX      no line of the screen matches now
    keys=TEXT        types that, with Python's escapes
    size=HEIGHTxWIDTH  makes the terminal another size
    within=SECONDS   how long each later step may take (10)
    cpu=PERCENT      for five seconds the command takes no more of a processor than that
    signal=NAME      sends it that signal
    ended=STATUS     waits for its end, by exit status or by a signal's name: the terminal
                     is then as it was, its modes, its cursor, its screen

Whatever fails is said with the screen as it was. TERM is the terminal's type; those with
"rep" among their capabilities are more than is understood here.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte

SCALE = int(os.environ.get("IKEFP_TIME_SCALE") or 1)


class Terminal:
    def __init__(self, height, width, command):
        self.master, self.slave = pty.openpty()
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.within = 10
        self.set_size(height, width)
        self.mode = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if not self.pid:
            os.close(self.master)
            self.login()
            os.execvp(command[0], command)

    def login(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(self.slave, fd)

    def set_size(self, height, width):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(height, width)

    def read(self, seconds):
        """What there is to read, after waiting for it so long at most."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        octets = os.read(self.master, 65536)
        self.output += octets
        self.stream.feed(octets)
        return True

    def seen(self, regex):
        return any(re.search(regex, line.rstrip()) for line in self.screen.display)

    def fail(self, why):
        print(f"screen: {why}; the screen:")
        for line in self.screen.display:
            print(f"|{line}|")
        os.kill(self.pid, signal.SIGKILL)
        sys.exit(1)

    def step_see(self, regex):
        end = time.monotonic() + self.within * SCALE
        while not self.seen(regex):
            if time.monotonic() > end:
                self.fail(f"'{regex}' was not seen within {self.within} s")
            self.read(0.05)

    def step_never(self, regex):
        while self.read(0):
            pass
        if self.seen(regex):
            self.fail(f"'{regex}' was seen")

    def step_keys(self, text):
        os.write(self.master, text.encode().decode("unicode_escape").encode())

    def step_size(self, text):
        self.set_size(*size_of(text))

    def step_within(self, text):
        self.within = float(text)

    def step_signal(self, name):
        os.kill(self.pid, getattr(signal, "SIG" + name))

    def ticks(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:13]))

    def step_cpu(self, percent):
        taken, begin = self.ticks(), time.monotonic()
        while time.monotonic() < begin + 5:
            self.read(0.1)
        taken = (self.ticks() - taken) / os.sysconf("SC_CLK_TCK")
        share = 100 * taken / (time.monotonic() - begin)
        print(f"screen: {share:.0f} % of a processor")
        if share > float(percent):
            self.fail(f"{share:.0f} % of a processor, more than {percent} %")

    def step_ended(self, want):
        end = time.monotonic() + self.within * SCALE
        pid = 0
        while not pid:
            if time.monotonic() > end:
                self.fail(f"it did not end within {self.within} s")
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        while self.read(0):
            pass
        code = os.waitstatus_to_exitcode(status)
        got = signal.Signals(-code).name[3:] if code < 0 else str(code)
        if got != want:
            self.fail(f"it ended with {got}, not {want}")
        if termios.tcgetattr(self.slave) != self.mode:
            self.fail("the terminal's modes are not what they were")
        for taken, given in (b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"):
            if self.output.rfind(taken) > self.output.rfind(given):
                self.fail(f"{taken} was sent, and no {given} after it")


def size_of(text):
    return tuple(map(int, text.split("x")))


def main():
    marker = sys.argv.index("--")
    terminal = Terminal(*size_of(sys.argv[1]), sys.argv[marker + 1:])
    for step in sys.argv[2:marker]:
        name, _, text = step.partition("=")
        print(f"screen: {step}", flush=True)
        getattr(terminal, "step_" + name)(text)
    for line in terminal.screen.display:
        print(f"|{line}|")


main()
