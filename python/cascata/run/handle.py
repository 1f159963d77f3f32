"""A started run."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import math
import threading
import time
import weakref
from typing import TYPE_CHECKING, Protocol, Self

from cascata.run.signals import on_interrupt, on_termination
from cascata.run.worker import GRACE

if TYPE_CHECKING:
    from types import TracebackType

    from cascata.run.progress import Watch
    from cascata.run.report import Report
    from cascata.run.snapshot import Snapshot

__all__ = ["Run"]

LAST_WAIT = GRACE + 3.0
"""Seconds for a run that is being stopped; longer takes only one in this process, whose thread cannot be killed."""


TICK = 0.5
"""Seconds within which an interrupt is noticed, whenever it comes."""


class Engine(Protocol):
    """What runs the graph: processes, or a thread."""

    def start(self) -> None:
        """Start, without waiting."""

    def supervise(self) -> None:
        """Watch until everything has ended; for one thread."""

    def stop(self) -> None:
        """Ask for an orderly stop."""

    def kill(self) -> None:
        """Ask for a stop without any courtesy."""

    def snapshot(self) -> Snapshot:
        """Read the counters."""

    def result(self) -> Report:
        """Give the report, or raise what went wrong first."""


class Run:
    """A graph that runs. Join it, or use it as a context manager, which does.

    Leaving the `with` block by an exception stops the run in order.

    >>> from cascata import Graph, component, outport
    >>> @component
    ... @outport("number")
    ... async def count(number):
    ...     for n in range(3):
    ...         await number.send(n)
    >>> graph = Graph()
    >>> graph.count = count
    >>> with graph.start(num_workers=1) as run:
    ...     pass
    >>> run.join().components["count"].items_out
    3

    """

    def __init__(self, engine: Engine, watch: Watch) -> None:
        """Start the engine, and a thread that supervises it."""
        self._engine = engine
        self._watch = watch
        self._over = threading.Event()
        self._taken = threading.Lock()  # by whoever supervises, for good
        self._defect: BaseException | None = None
        self._terminated = False
        # What runs in the calling process runs in the caller's context, as it would have in its thread.
        inside = contextvars.copy_context().run
        self._thread = threading.Thread(target=inside, args=(self._supervise,), name="cascata-supervisor", daemon=True)
        interrupted = False

        def note() -> None:
            nonlocal interrupted
            interrupted = True

        with on_interrupt(note):  # between the first process and its supervisor nothing may be thrown
            engine.start()
            try:
                self._thread.start()
                _unfinished.add(self)
            except BaseException:  # the system has no threads left, or a signal handler raises while this one begins
                engine.stop()
                self._supervise()
                self._until_over(LAST_WAIT)
                raise
        if interrupted:
            self._end()
            raise KeyboardInterrupt

    def join(self) -> Report:
        """Wait for the end and give the report. Calling it again gives the same report, or raises the same error.

        Ctrl-C stops the run in order, a second one kills its workers; both raise `KeyboardInterrupt` afterwards.

        Raises:
            ComponentError: If a component raised; its exception is the `__cause__`.
            DeadlockError: If nothing in the graph could move any more.
            WorkerDied: If a worker process ended unasked.
            RunTimeout: If the timeout has passed.

        """
        self._wait()
        return self._result()

    async def ajoin(self) -> Report:
        """As `join`, for callers with an event loop. When it is cancelled, the run is stopped in order first."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()

        def wait() -> None:
            self._over.wait()
            loop.call_soon_threadsafe(over.set)

        threading.Thread(target=wait, name="cascata-join", daemon=True).start()
        with on_termination(self._terminate):
            try:
                await over.wait()
            except asyncio.CancelledError:
                self._engine.stop()
                try:
                    await over.wait()
                except asyncio.CancelledError:
                    self._engine.kill()
                    await over.wait()
                raise
        return self._result()

    def stop(self) -> None:
        """Ask the run to stop in order: components are cancelled, their `finally` blocks run. `join` then reports."""
        self._engine.stop()

    def snapshot(self) -> Snapshot:
        """Read what the run has done so far and what it is doing, without asking its workers.

        After the end it is what the run has come to, however it ended.

        >>> from cascata import Graph, component, outport
        >>> @component
        ... @outport("number")
        ... async def count(number):
        ...     for n in range(3):
        ...         await number.send(n)
        >>> graph = Graph()
        >>> graph.count = count
        >>> run = graph.start(num_workers=1)
        >>> early = run.snapshot()
        >>> _ = run.join()
        >>> late = run.snapshot()
        >>> late.running, late.components["count"].state, late.components["count"].items_out
        (False, 'done', 3)
        >>> late.rates(since=early)["count"].items_out <= 3 / (late.seconds - early.seconds)
        True
        """
        return self._engine.snapshot()

    @property
    def running(self) -> bool:
        """Whether the run has not ended yet."""
        return not self._over.is_set()

    def __enter__(self) -> Self:
        """Give the run itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Join; after an exception, stop first, and let the exception go its way."""
        if kind is None:
            self.join()
            return
        self._end()

    def __repr__(self) -> str:
        """Tell whether it still runs."""
        return f"<run, {'running' if self.running else 'ended'}>"

    def _wait(self) -> None:
        """Wait for the end. An interrupt stops the run first, the next one kills it."""
        try:
            with on_termination(self._terminate):
                self._until_over()
        except BaseException:
            self._end()
            raise

    def _terminate(self) -> None:
        """Stop at the first SIGTERM, kill at the next."""
        (self._engine.kill if self._terminated else self._engine.stop)()
        self._terminated = True

    def _end(self) -> None:
        """Stop, and wait for the end. An interrupt kills the run."""
        try:
            self._engine.stop()
            self._until_over()
        except BaseException:
            self._engine.kill()
            self._until_over(LAST_WAIT)
            raise

    def _until_over(self, seconds: float = math.inf) -> None:
        """Wait for the end, at most so long.

        A signal that comes just before a wait begins is noticed only when it ends, so no single wait is long.
        """
        deadline = time.monotonic() + seconds
        while not self._over.wait(TICK) and time.monotonic() < deadline:
            pass

    def _supervise(self) -> None:
        """Watch until the end, unless somebody does already."""
        if not self._taken.acquire(blocking=False):
            return
        try:
            with self._watch:
                self._watch.begin(self._engine)
                self._engine.supervise()
        except BaseException as error:  # noqa: BLE001  raised by `join`
            self._defect = error
        finally:
            _unfinished.discard(self)
            self._over.set()

    def _result(self) -> Report:
        self._thread.join()
        if self._defect is not None:
            raise self._defect
        report = self._engine.result()
        self._watch.check()
        return report


_unfinished: weakref.WeakSet[Run] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Stop what still runs when the interpreter exits."""
    runs = list(_unfinished)
    for run in runs:
        run.stop()
    for run in runs:
        run._until_over(LAST_WAIT)
