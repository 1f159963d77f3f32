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
    """Call `act` at Ctrl-C rather than raise."""
    with _handled(signal.SIGINT, signal.default_int_handler, act):
        yield


@contextlib.contextmanager
def on_termination(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at SIGTERM rather than die; at the end of the block this process dies of it as it would have done."""
    came = False

    def note() -> None:
        nonlocal came
        came = True
        act()

    try:
        with _handled(signal.SIGTERM, signal.SIG_DFL, note):
            yield
    finally:
        if came:
            signal.raise_signal(signal.SIGTERM)


@contextlib.contextmanager
def _handled(number: signal.Signals, default: object, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at a signal: only in the main thread, and only over the default disposition, which is put back."""
    main = threading.current_thread() is threading.main_thread()
    if not main or (before := signal.getsignal(number)) is not default:
        yield
        return

    def handler(_number: int, _frame: FrameType | None) -> None:
        act()

    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


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
