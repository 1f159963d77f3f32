"""What a worker process does from its first instruction to its last."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import signal
import sys
from typing import TYPE_CHECKING, Any

from cascata import _native
from cascata.run.collecting import Gatherer
from cascata.run.event_loop import run_to_end
from cascata.run.failure import Failure
from cascata.run.messages import Failed, Finished, PipeLink, Quiet
from cascata.run.output import forward_output
from cascata.run.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from cascata.run.job import Job

__all__ = ["main"]


def main(  # noqa: PLR0913  what a process starts from
    job: Job,
    memory: _native.RunMemory,
    index: int,
    connection: Connection[Any, Any],
    *,
    parent: int,
    inherited: Sequence[Connection[Any, Any]],
    mask: set[int],
) -> None:
    """Run worker `index`.

    `inherited` are the supervisor's ends of pipes that a fork has copied, `mask` the signals that stay blocked.
    """
    link = PipeLink(connection)

    def fail(error: BaseException) -> None:
        link.tell(Failed(Failure.of(error, f"worker {index}", "Worker", index, None)))
        memory.stop()

    with contextlib.ExitStack() as ending:
        ending.callback(link.tell, Finished())
        try:
            _watch(parent)
            _forget(inherited)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            ending.callback(forward_output(link))
            run_to_end(_serve(job, memory, index, link), fail)
        except BaseException as error:  # noqa: BLE001  such as too few descriptors for an event loop
            fail(error)


def _watch(parent: int) -> None:
    """End this process when the parent is gone, even if Python is stuck."""
    _native.watch_parent(parent)
    if os.getppid() != parent:  # it ended before the watch began, and the number may be another's now
        os._exit(1)


def _forget(inherited: Sequence[Connection[Any, Any]]) -> None:
    """Let go of what belongs to the calling process: pipes, signal handlers, its event loop."""
    for connection in inherited:
        connection.close()
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    # Ctrl-C reaches the whole process group; the caller decides what it means. No SIG_IGN, which subprocesses inherit.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    # Closing the inherited loop, as collecting it would, takes descriptors from a selector that the caller shares.
    policy = getattr(asyncio.events, "_event_loop_policy", None)
    _kept.extend((asyncio._get_running_loop(), getattr(getattr(policy, "_local", None), "_loop", None)))
    gc.freeze()
    asyncio._set_running_loop(None)
    asyncio.set_event_loop(None)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123  for the life of the process


_kept: list[object] = []
"""What a child must not let go of."""

os.register_at_fork(after_in_child=_native.after_fork)


async def _serve(job: Job, memory: _native.RunMemory, index: int, link: PipeLink) -> None:
    gatherers = [Gatherer(number, link) for number in range(len(job.collect))]
    worker = Worker(job, memory, index, link, gatherers)
    loop = asyncio.get_running_loop()

    def answer() -> None:
        try:
            number = pickle.loads(link.connection.recv_bytes())  # noqa: S301  own parent
        except (EOFError, OSError):
            loop.remove_reader(link.connection.fileno())
            return
        quiet, activity = worker.quiet()
        link.tell(Quiet(number, quiet, activity))

    loop.add_reader(link.connection.fileno(), answer)
    try:
        await worker.run()
    finally:
        loop.remove_reader(link.connection.fileno())
        for gatherer in gatherers:
            gatherer.flush()
