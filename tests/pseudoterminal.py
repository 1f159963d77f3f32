"""A program in a terminal, and what a user of it sees."""

import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import time
from fcntl import ioctl
from pathlib import Path
from termios import FIONREAD, TIOCSWINSZ

import pyte

ROOT = Path(__file__).parents[1]
PATIENCE = 30.0

# What a shell does for a program: a session of its own, whose terminal this is.
BEGIN = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(sys.stdin if sys.stdin.isatty() else sys.stderr, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class PseudoTerminal:
    """Runs a command in a terminal of so many columns and lines; a context manager, which ends it."""

    def __init__(self, *command, columns=80, lines=24, streams=(0, 1, 2), cwd=None, **environment):
        self.screen = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.text = b""
        self._master, slave = os.openpty()
        ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        variables = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "LINES"}}
        pipes = {
            name: slave if number in streams else subprocess.PIPE
            for number, name in enumerate(("stdin", "stdout", "stderr"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN, *map(str, command)],
            **pipes,
            cwd=cwd,
            env={**variables, "TERM": "xterm-256color", **environment},
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        os.close(self._master)

    @property
    def lines(self):
        """What has scrolled out of sight, and what is on the screen."""
        above = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return [line.rstrip() for line in [*above, *self.screen.display]]

    @property
    def waiting(self):
        """How many bytes have been written and not been read."""
        return struct.unpack("i", ioctl(self._master, FIONREAD, bytes(4)))[0]

    def type(self, text):
        os.write(self._master, text.encode())

    def resize(self, columns, lines):
        ioctl(self._master, TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def until(self, condition):
        """Show what comes until a condition of the lines holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition(self.lines):
            assert self._more(deadline), "\n".join(self.lines)

    def end(self):
        """Show everything, and give the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            pass
        return self.process.wait(PATIENCE)

    def _more(self, deadline):
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, "nothing more comes:\n" + "\n".join(self.lines)
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the last one has closed it
            return False
        self.text += data
        self._stream.feed(data)
        return bool(data)
