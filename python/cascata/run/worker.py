"""One worker: the components that the plan gives it, in an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import sys
from typing import TYPE_CHECKING, Any

from cascata import _native
from cascata.log import Origin, current
from cascata.persistent import PersistentValue
from cascata.run.failure import Failure
from cascata.run.messages import Failed
from cascata.run.source import of_coroutine, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cascata.component import Component
    from cascata.run.collecting import Collector
    from cascata.run.job import Job
    from cascata.run.messages import Link

__all__ = ["GRACE", "Worker"]

GRACE = 5.0
"""Seconds that cancelled components have for their `finally` blocks."""


class Worker:
    """The Python half of a worker: tasks, persistent values, failures. The native half drives the components."""

    def __init__(  # noqa: PLR0913  what a worker is made of
        self,
        job: Job,
        memory: _native.RunMemory,
        index: int,
        link: Link,
        collectors: Sequence[Collector],
        *,
        taps: _native.Taps | None = None,
    ) -> None:
        """Take what `run` needs; nothing starts yet. `taps` are those of a run in the calling process."""
        self._plan = job.plan
        # No process boundary keeps what components do to their persistent values from the caller's objects.
        self._isolate = job.in_process
        self._memory = memory
        self._index = index
        self._link = link
        self._collectors = list(collectors)
        self._taps = taps
        self._tasks: list[asyncio.Task[None]] = []
        self._origins: dict[str, Origin] = {}
        self._states: list[State] = []
        self._own: set[asyncio.Task[Any]] = set()
        self._cancelled: asyncio.CancelledError | None = None

    async def run(self) -> None:
        """Run the components to their end, or until a stop is asked for.

        When it is cancelled it stops the run in order first.
        """
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._stopped: asyncio.Future[None] = loop.create_future()
        self._delivered: asyncio.Future[None] = loop.create_future()
        # No variable refers to the native half: the traceback of a failure keeps the frames that led to it.
        self._native = _native.Worker(self._plan, self._memory, self._index, loop, self, self._collectors, self._taps)
        bell = self._native.fileno()
        loop.add_reader(bell, self._native.on_bell)
        try:
            for node in self._native.nodes():
                self._install(node)
            self._native.launch(self._spawn)
            await self._wait()
        finally:
            loop.remove_reader(bell)
            for state in self._states:
                self._close(state)
            self._native.retire()
            # It refers back to this object: let neither keep the other, the run's memory, or what the run has come to.
            self._tasks.clear()
            self._own.clear()
            del self._native, self._memory, self._link

    async def _wait(self) -> None:
        """Wait for the end of all lanes; once a stop is asked for, not for ever."""
        if not self._tasks:
            return
        ended = self._loop.create_task(_all_of(self._tasks))
        self._own |= {ended}
        if (task := asyncio.current_task()) is not None:
            self._own.add(task)
        await self._until(ended, self._stopped)
        deadline = self._loop.time() + GRACE
        while not ended.done() and (left := deadline - self._loop.time()) > 0:
            await self._until(ended, seconds=left)
        ended.cancel()
        # Cancelled sends that have reached one of their channels reach the others, even after the end of their sender.
        while not (self._stopped.done() or self._cancelled or self._native.has_delivered()):
            self._delivered = self._loop.create_future()
            await self._until(self._delivered, self._stopped)
        for task in self._tasks:
            if not task.done():
                name = task.get_name()
                stubborn = TimeoutError(f"{name} was cancelled and has not ended after {GRACE:g} s")
                self.on_failure(name, stubborn, None)
            elif not task.cancelled() and (defect := task.exception()) is not None:
                self.on_failure(task.get_name(), defect, None)
        cancelled, self._cancelled = self._cancelled, None
        if cancelled is not None:
            raise cancelled

    async def _until(self, *awaited: asyncio.Future[None], seconds: float | None = None) -> None:
        """Wait for the first of these. A cancellation stops the run, and is passed on when that has come to its end."""
        try:
            await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError as error:
            self._cancelled = error
            self._memory.stop()

    def _install(self, node: int) -> None:
        name, definition, persists = self._native.component(node)
        if self._isolate:
            persists = [(persist, _copied(arguments), _copied(state)) for persist, arguments, state in persists]
        declared = definition.__declaration__
        senders = self._native.senders(node)
        state = State(name, definition, persists)
        fixed: dict[str, object] = dict(zip(declared.outports, senders, strict=True))
        fixed.update(state.values)
        positional, keyword = declared.parameters()
        finish = declared.finish and (declared.finish.function, list(declared.finish.parameters))
        self._native.install(node, declared.runner, positional, keyword, fixed, finish, state)
        self._origins[name] = Origin(name, definition.__name__, self._index)
        self._states.append(state)

    def _spawn(self, lane: _native.Lane, name: str) -> tuple[asyncio.Task[None], contextvars.Context]:
        """Make the task of a lane."""
        context = self._context(name)
        task: asyncio.Task[None] = asyncio.Task(lane, loop=self._loop, name=name, context=context)
        self._tasks.append(task)
        return task, context

    def _context(self, name: str) -> contextvars.Context:
        """Give a context in which a component's code can run."""
        context = contextvars.copy_context()
        context.run(current.set, self._origins[name])
        return context

    def _close(self, state: State) -> None:
        """Close the persistent values of a component that did not come to its own end."""
        try:
            self._context(state.component).run(state.close)
        except BaseException as error:  # noqa: BLE001  reported like any failure of the component
            self.on_failure(state.component, error, None)

    # What the native half calls.

    def on_failure(self, name: str, error: BaseException, inputs: Mapping[str, object] | None) -> None:
        """Report a component's failure, or this worker's own, and have the whole run stop."""
        origin = self._origins.get(name)
        definition = "Worker" if origin is None else origin.component_class or ""
        try:
            failure = Failure.of(error, name, definition, self._index, inputs)
            self._link.tell(Failed(failure))
        except BaseException:  # noqa: BLE001  whatever the exception's own methods raise, its name is told
            self._link.tell(Failed(Failure.bare(error, name, definition, self._index)))
        finally:
            self._memory.stop()

    def on_stop(self) -> None:
        """Cancel all components: the run is being stopped."""
        for task in self._tasks:
            task.cancel()
        if not self._stopped.done():
            self._stopped.set_result(None)

    def on_delivered(self) -> None:
        """Nothing waits for room any more."""
        if not self._delivered.done():
            self._delivered.set_result(None)

    # What the supervisor asks.

    def quiet(self) -> tuple[bool, int]:
        """Tell whether only a channel could make anything here move, and count what has moved so far.

        Tasks that components have made count as moving, unless all they do is to wait for a channel.
        """
        if self._memory.is_short() and self._gives_back():
            return False, 0
        quiet, activity = self._native.quiet()
        ours = self._own.union(self._tasks)
        others = (task for task in asyncio.all_tasks(self._loop) if task not in ours)
        alive = any(self._is_alive(task) for task in others) or any(map(self._is_ours, _callbacks(self._loop)))
        return quiet and not alive, activity

    def where(self) -> dict[str, str]:
        """Say at which line of its source each component awaits; those that have not begun to fire are left out."""
        lines = ((task.get_name(), text_of(of_coroutine(task.get_coro()))) for task in self._tasks if not task.done())
        found: dict[str, list[str]] = {}
        for name, line in lines:
            if line:
                found.setdefault(name, []).append(line)
        return {name: " and ".join(dict.fromkeys(texts)) for name, texts in found.items()}

    def _gives_back(self) -> bool:
        """Collect garbage; tell whether that has freed shared memory, for which somebody waits."""
        before = _native.shown()
        gc.collect()
        if _native.shown() == before:
            return False
        self._native.look()
        return True

    def _is_alive(self, task: asyncio.Task[Any]) -> bool:
        """Tell whether a task is one that a component of this run has made, and does more than wait for a channel."""
        if isinstance(task.get_coro(), _native.Send):
            return False
        return self._is_ours(_context_of(task))

    def _is_ours(self, context: contextvars.Context) -> bool:
        """Tell whether a component of this run made what runs in this context."""
        origin = context.get(current)
        return origin is not None and self._origins.get(origin.component or "") is origin


class State:
    """The persistent values of one component."""

    def __init__(
        self, component: str, definition: Component, persists: Sequence[tuple[str, tuple[Any, ...], tuple[Any, ...]]]
    ) -> None:
        """Take what the plan says of them: name, arguments and state, the latter two optional."""
        self.component = component
        marks = definition.__declaration__.persists
        self.values = {
            name: PersistentValue.prepare(marks[name].initialiser, arguments, state)
            for name, arguments, state in persists
        }
        self._close = {name: mark.close for name, mark in marks.items()}
        self._started: list[str] = []

    def start(self) -> None:
        """Make the start values."""
        for name, value in self.values.items():
            value.initialise()
            self._started.append(name)

    def close(self) -> None:
        """Close what has been made, the last first, each once; what fails does not keep the others from it."""
        errors: list[BaseException] = []
        while self._started:
            name = self._started.pop()
            value, close = self.values[name].release(), self._close[name]
            if close is None:
                continue
            try:
                close(value)
            except BaseException as error:  # noqa: BLE001  any code of the user's
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            msg = "persistent values could not be closed"
            raise BaseExceptionGroup(msg, errors)


def _copied(value: Any) -> Any:
    """Copy a start value, or what it is made from; what cannot be copied (a connection, a lock) is used as it is."""
    managers = sys.modules.get("multiprocessing.managers")
    if managers is not None and isinstance(value, managers.BaseProxy):
        return value  # its copy would be what it stands for
    try:
        if type(value) in (tuple, list):
            return type(value)(map(_copied, value))
        if type(value) is dict:
            return {key: _copied(entry) for key, entry in value.items()}
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  any code of the user's
        return value


def _context_of(task: asyncio.Task[Any]) -> contextvars.Context:
    if sys.version_info >= (3, 12):
        return task.get_context()
    # Python 3.11 does not say it, but shows it to its garbage collector.
    shown = (thing for thing in gc.get_referents(task) if isinstance(thing, contextvars.Context))
    return next(shown, contextvars.Context())


def _callbacks(loop: asyncio.AbstractEventLoop) -> Iterator[contextvars.Context]:
    """Give the contexts of what the loop is going to call.

    These are timers that are set, such as that of an `asyncio.timeout` around a send, and what is called next, such as
    a timer that has expired in this turn. Only asyncio's own loops show them.
    """
    # Other threads may add to the latter meanwhile, but not while it is copied.
    for handle in (*getattr(loop, "_scheduled", ()), *getattr(loop, "_ready", ())):
        if not handle.cancelled():
            yield handle._context


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
