"""What a worker process leaves behind of where it is, even if it does not get to say anything any more.

faulthandler writes the stack into a file of memory that the supervisor has made: by itself when the process dies of a
fault, and when the supervisor asks by a signal. That works while C code holds the interpreter's lock, too, and costs
nothing until it happens.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import time

__all__ = ["Witness", "bear"]

SIGNAL = signal.SIGRTMAX - 1
"""Which nothing else uses: that of lower numbers belong to libraries and users."""

PATIENCE = 0.5
"""Seconds within which a process that runs has written its stack. One that was stopped has not."""
PAUSE = 0.01
MOST = 1 << 20
"""Bytes that are read."""


def bear(descriptor: int) -> None:
    """Have this process write where it is, from now on; `descriptor` stays open as long as it lives."""
    faulthandler.enable(descriptor)
    faulthandler.register(SIGNAL, descriptor, all_threads=False)


class Witness:
    """The supervisor's side of it, for one worker."""

    def __init__(self) -> None:
        """Make the file.

        Raises:
            OSError: If the system has no descriptors left.

        """
        self.descriptor = os.memfd_create("cascata-witness")
        self._read = 0

    def ask(self, pidfd: int) -> str:
        """Have the process write its stack, and give what it wrote: nothing if it does not run.

        Only for a process that has called `bear`.
        """
        self.text()  # what it has written unasked, as for processes that it forked
        try:
            signal.pidfd_send_signal(pidfd, SIGNAL)
        except OSError:
            return ""
        text, deadline = "", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            time.sleep(PAUSE)
            more = self.text()
            if text and not more:
                break  # one stack is written in one go
            text += more
        return text

    def text(self) -> str:
        """Give what is new of what has been written."""
        data = os.pread(self.descriptor, MOST, self._read)
        self._read += len(data)
        return data.decode("utf-8", "backslashreplace")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)
