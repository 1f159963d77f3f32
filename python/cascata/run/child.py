"""What a worker process does from its first instruction to its last."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NoReturn

from cascata import _native
from cascata.run.collecting import Gatherer
from cascata.run.event_loop import run_to_end
from cascata.run.failure import Failure
from cascata.run.messages import Awake, Begun, Failed, Finished, PipeLink, Question, Quiet, Where
from cascata.run.output import forward_output, forward_records
from cascata.run.witness import bear
from cascata.run.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.process import BaseProcess

    from cascata.run.job import Job

__all__ = ["forked", "process_name", "run_and_exit", "spawned"]


def forked(  # noqa: PLR0913  what a process starts from
    job: Job,
    memory: _native.RunMemory,
    index: int,
    connection: Connection[Any, Any],
    *,
    witness: int,
    parent: int,
    inherited: Sequence[Connection[Any, Any]],
    mask: set[int],
) -> None:
    """Run worker `index` in a process that was forked.

    `witness` is the descriptor where it leaves its stack, `inherited` are the supervisor's ends of pipes that a fork
    has copied, `mask` the signals that stay blocked.
    """

    def begin(worker: Life) -> Job:
        _watch(parent)
        _forget(inherited)
        bear(witness)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        worker.memory = memory
        worker.forward()
        return job

    Life(index, connection).live(begin)


def spawned(  # noqa: PLR0913  what a process starts from
    *,
    index: int,
    payload: int,
    table: int,
    connection: int,
    memory: list[int],
    witness: int,
    parent: int,
    mask: list[int],
    seeded: bool,
) -> NoReturn:
    """Run worker `index` in a fresh interpreter, which ends with it.

    `payload`, `connection`, `memory` and `witness` are descriptors, `table` is where the payload's is, `mask` the
    signals that stay blocked; so far all are. `seeded` says that the caller's environment had no seed for hashes.
    """
    if seeded:
        os.environ.pop("PYTHONHASHSEED", None)  # subprocesses are to have what they would have had
    _watch(parent)
    _ignore_interrupts()
    bear(witness)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for descriptor in (payload, connection, witness, *memory):
        os.set_inheritable(descriptor, False)  # noqa: FBT003  as it is

    def begin(worker: Life) -> Job:
        from cascata.run import payload as payloads

        contents = payloads.read(payload, table)
        preparation = next(contents)
        preparation.apply()
        worker.forward()
        job: Job = next(contents)
        worker.memory = _native.RunMemory.attach(job.plan, job.shared_memory, memory)
        for descriptor in memory:
            os.close(descriptor)
        preparation.settle()
        worker.forward_records()
        return job

    process = multiprocessing.Process(target=Life(index, Connection(connection)).live, args=(begin,))
    vars(process).update(_name=process_name(index), _identity=(index + 1,), _parent_pid=parent)
    run_and_exit(process, os.pidfd_open(parent))


def run_and_exit(process: BaseProcess, parent: int) -> NoReturn:
    """Run a `multiprocessing` process to its end in this one; `parent` is a descriptor of the parent's."""
    code = 1
    try:
        code = process._bootstrap(parent_sentinel=parent)  # type: ignore[attr-defined]
        _native.abandon()
    finally:
        os._exit(code)


def process_name(index: int) -> str:
    """Name the process of a worker."""
    return f"cascata-worker-{index}"


class Life:
    """The life of a worker process."""

    def __init__(self, index: int, connection: Connection[Any, Any]) -> None:
        """Take the worker's number and its end of the pipe to the supervisor."""
        self._index = index
        self._link = PipeLink(connection)
        self._ending = contextlib.ExitStack()
        self.memory: _native.RunMemory | None = None

    def live(self, begin: Callable[[Life], Job]) -> None:
        """Run what `begin` gives, which also maps the memory and forwards the output."""
        with self._ending:
            self._ending.callback(self._link.tell, Finished())
            try:
                job = begin(self)
                assert self.memory is not None  # noqa: S101
                run_to_end(_serve(job, self.memory, self._index, self._link), self._fail)
            except BaseException as error:  # noqa: BLE001  such as too few descriptors for an event loop
                self._fail(error)

    def forward(self) -> None:
        """Pass on from now on what is printed and logged."""
        self._ending.callback(forward_output(self._link))
        self.forward_records()

    def forward_records(self) -> None:
        """Pass on what is logged, whatever handlers there have come to be."""
        forward_records(self._link, self._index)

    def _fail(self, error: BaseException) -> None:
        self._link.tell(Failed(Failure.of(error, f"worker {self._index}", "Worker", self._index, None)))
        if self.memory is not None:
            self.memory.stop()


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
    _ignore_interrupts()
    # Closing the inherited loop, as collecting it would, takes descriptors from a selector that the caller shares.
    policy = getattr(asyncio.events, "_event_loop_policy", None)
    _kept.extend((asyncio._get_running_loop(), getattr(getattr(policy, "_local", None), "_loop", None)))
    gc.freeze()
    asyncio._set_running_loop(None)
    asyncio.set_event_loop(None)
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123  for the life of the process


def _ignore_interrupts() -> None:
    # Ctrl-C reaches the whole process group; the caller decides what it means. No SIG_IGN, which subprocesses inherit.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)


_kept: list[object] = []
"""What a child must not let go of."""


async def _serve(job: Job, memory: _native.RunMemory, index: int, link: PipeLink) -> None:
    gatherers = [Gatherer(number, link) for number in range(len(job.collect))]
    worker = Worker(job, memory, index, link, gatherers)
    loop = asyncio.get_running_loop()

    def answer() -> None:
        try:
            question, number = pickle.loads(link.connection.recv_bytes())  # noqa: S301  own parent
        except (EOFError, OSError):
            loop.remove_reader(link.connection.fileno())
            return
        match question:
            case Question.QUIET:
                link.tell(Quiet(number, *worker.quiet()))
            case Question.AWAKE:
                link.tell(Awake())
            case Question.WHERE:
                link.tell(Where(worker.where()))

    loop.add_reader(link.connection.fileno(), answer)
    link.tell(Begun())
    try:
        await worker.run()
    finally:
        loop.remove_reader(link.connection.fileno())
        for gatherer in gatherers:
            gatherer.flush()
