"""A started run."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import math
import threading
import time
import weakref
from typing import TYPE_CHECKING, Self

from cascata.run.signals import on_interrupt, on_termination
from cascata.run.taps import Stream, Taps
from cascata.run.worker import GRACE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from cascata._native import TapReader
    from cascata.run.engine import Engine
    from cascata.run.job import Job
    from cascata.run.progress import Watch
    from cascata.run.report import Report
    from cascata.run.snapshot import Snapshot

__all__ = ["Run"]

LAST_WAIT = GRACE + 3.0
"""Seconds for a run that is being stopped; longer takes only one in this process, whose thread cannot be killed."""


TICK = 0.5
"""Seconds within which an interrupt is noticed, whenever it comes, and the end of a task that has read a tap."""


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

    def __init__(self, engine: Engine, job: Job, watch: Watch) -> None:
        """Start the engine, and a thread that supervises it."""
        self._engine = engine
        self._watch = watch
        self._over = threading.Event()
        self._when_over: list[Callable[[], object]] = []
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
            self._taps = Taps(job, engine.taps, _Course(self))
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

        Nothing more can be put into the run, and what nobody else reads of it is discarded, which the report counts.
        What other threads read is left to them.

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
        """As `join`, for callers with an event loop. When it is cancelled, the run is stopped in order first.

        What other tasks read is left to them.
        """
        try:
            with on_termination(self._terminate):
                over, task = self._over_here(), asyncio.current_task()
                self._taps.give_up(task)
                while not await _comes(over):
                    self._taps.give_up(task)
        except asyncio.CancelledError:
            await self._aend()
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

    def put(self, export: str, item: object, *, timeout: float | None = None) -> bool:
        """Put an item into an exported inport of the graph; waits while that is full, in whatever thread.

        >>> from cascata import Graph, component, inport, outport
        >>> @component
        ... @inport("number")
        ... @outport("square")
        ... async def multiply(number, square):
        ...     await square.send(number * number)
        >>> graph = Graph()
        >>> graph.multiply = multiply
        >>> graph.export(graph.multiply.number, "number")
        >>> graph.export(graph.multiply.square, "square")
        >>> with graph.start(num_workers=1) as run:
        ...     for number in range(3):
        ...         _ = run.put("number", number)
        ...     run.close("number")
        ...     list(run.iter("square"))
        [0, 1, 4]

        Interrupted by Ctrl-C while it waits it has put the item in once, or not at all.

        Args:
            export: The name of an exported inport to which nothing is connected in the graph.
            item: What is put in.
            timeout: Seconds to wait at most; by default as long as it takes.

        Returns:
            Whether anybody can receive what is put there: `False` tells an endless source to stop, as the components
            behind the port have ended, or the run has been stopped.

        Raises:
            GraphError: If there is no such export, or it cannot be fed.
            ItemError: If the item cannot be sent to another process. Nothing else is lost.
            TimeoutError: If there was no room in time; the item is not in.
            RuntimeError: If the tap was closed, by `close` or `join`.
            RunError, DeadlockError: What the run has failed with.

        """
        return self._taps.put(export, item, timeout)

    async def aput(self, export: str, item: object) -> bool:
        """As `put`, for coroutines. Cancelled while it waits it has put the item in once, or not at all, as sends do.

        Raises:
            GraphError: If there is no such export, or it cannot be fed.
            ItemError: If the item cannot be sent to another process. Nothing else is lost.
            RuntimeError: If the tap was closed, by `close` or `join`.
            RunError, DeadlockError: What the run has failed with.

        """
        return await self._taps.aput(export, item)

    def close(self, export: str) -> None:
        """Put nothing more into an exported inport: when what was put is used up, the port ends. May be repeated.

        Raises:
            GraphError: If there is no such export, or it cannot be fed.

        """
        self._taps.close(export)

    def iter(self, export: str, *, timeout: float | None = None) -> TapReader:
        """Iterate over what an exported outport of the graph sends, until it has ended; waits in whatever thread.

        Each item goes to one reader: several threads and coroutines may read the same export. A reader that is given
        up before the end stops the run in order, if it was the last: one that is closed, or that nothing refers to any
        more, as after a `break`. If the run fails, what has arrived is still given, and then the failure is raised.

        Args:
            export: The name of an exported outport that is connected to nothing in the graph.
            timeout: Seconds to wait for an item at most; by default as long as it takes.

        Returns:
            An iterator, with a method `close()`.

        Raises:
            GraphError: If there is no such export, or it cannot be read.

        The iterator itself raises `TimeoutError` if no item comes in time, `ItemError` for one that cannot be restored
        here (it is lost, and the next one can be taken), and what the run has failed with.

        """
        return self._taps.iter(export, timeout)

    def stream(self, export: str) -> Stream:
        """As `iter`, for coroutines: `async for item in run.stream("export")`.

        Cancelled while it waits it has taken nothing, and can be used further. It has a method `aclose()`.

        Raises:
            GraphError: If there is no such export, or it cannot be read.

        """
        return self._taps.stream(export)

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

    async def __aenter__(self) -> Self:
        """Give the run itself, to be joined by `ajoin`."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As `__exit__`, without keeping the event loop waiting."""
        if kind is None:
            await self.ajoin()
            return
        await self._aend()

    def __repr__(self) -> str:
        """Tell whether it still runs."""
        return f"<run, {'running' if self.running else 'ended'}>"

    def _wait(self) -> None:
        """Wait for the end. An interrupt stops the run first, the next one kills it."""
        try:
            with on_termination(self._terminate):
                self._taps.give_up()
                while not self._over.wait(TICK):
                    self._taps.give_up()  # who has read the rest until now may be gone
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
        finally:
            self._taps.release()

    async def _aend(self) -> None:
        """Stop, and wait for the end. A cancellation kills the run; it is passed on when that has ended."""
        over, cancelled = self._over_here(), None
        deadline = math.inf
        try:
            self._engine.stop()
            while time.monotonic() < deadline:
                try:
                    if await _comes(over):
                        break
                except asyncio.CancelledError as error:
                    self._engine.kill()
                    cancelled, deadline = error, min(deadline, time.monotonic() + LAST_WAIT)
            if cancelled is not None:
                raise cancelled
        finally:
            del cancelled
            self._taps.release()

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
            for tell in tuple(self._when_over):
                with contextlib.suppress(RuntimeError):  # that loop has been closed
                    tell()

    def _over_here(self) -> asyncio.Event:
        """Give an event of the running loop that is set when the run is over."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        if not self._over.is_set():
            self._when_over.append(lambda: loop.call_soon_threadsafe(over.set))
        if self._over.is_set():  # perhaps too late to be told
            over.set()
        return over

    def _result(self) -> Report:
        self._thread.join()
        try:
            return self._outcome()
        finally:
            self._taps.release()

    def _outcome(self) -> Report:
        if self._defect is not None:
            raise self._defect
        report = self._engine.result()
        self._watch.check()
        return report


class _Course:
    """A run as its taps see it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.stop = run.stop

    def conclude(self) -> None:
        if not self._is_inside():
            self._run._until_over()
            self._run._outcome()

    async def aconclude(self) -> None:
        if not self._is_inside():
            await self._run._over_here().wait()
            self._run._outcome()

    def check_thread(self, what: str) -> None:
        if self._is_inside():
            msg = (
                f"{what} would wait in the thread that runs the graph or watches over it, which could never go on; "
                "call it in another thread, or let a coroutine await run.aput(...)"
            )
            raise RuntimeError(msg)

    def _is_inside(self) -> bool:
        # Not by its number, which another may have when it has ended.
        return threading.current_thread() is self._run._thread


async def _comes(over: asyncio.Event) -> bool:
    """Wait for the end, but not for long, as there is something to be looked after meanwhile."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TICK):
            await over.wait()
    return over.is_set()


_unfinished: weakref.WeakSet[Run] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Stop what still runs when the interpreter exits."""
    runs = list(_unfinished)
    for run in runs:
        run.stop()
    for run in runs:
        run._until_over(LAST_WAIT)
