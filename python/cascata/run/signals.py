"""Signals while a run starts or goes on."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["blocked", "on_interrupt", "on_termination"]


@contextlib.contextmanager
def on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at Ctrl-C rather than raise.

    Only in the main thread, and only over Python's default handler, which is put back.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def handler(_number: int, _frame: FrameType | None) -> None:
        act()

    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def on_termination(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at SIGTERM rather than die; at the end of the block this process dies of it as it would have before.

    Only in the main thread, and only over the default disposition, which is put back.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    came = False

    def handler(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True
        act()

    signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if came:
            signal.raise_signal(signal.SIGTERM)


@contextlib.contextmanager
def blocked() -> Iterator[set[int]]:
    """Block all signals for this thread while processes are forked; gives those that it blocked before.

    A child takes none until it has handlers of its own: those of this process are not meant for it.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
