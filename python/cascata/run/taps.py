"""The taps of a run: how the calling program feeds and reads it."""

from __future__ import annotations

import asyncio
import difflib
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from cascata._native import TapGet, TapPut
from cascata.errors import GraphError

if TYPE_CHECKING:
    from cascata import _native
    from cascata.run.job import Job

__all__ = ["Course", "Stream", "Taps"]


class Course(Protocol):
    """The run as its taps see it."""

    def stop(self) -> None:
        """Ask for an orderly stop."""

    def conclude(self) -> None:
        """Wait for the end of a run that is being stopped, and raise what it has failed with.

        The run itself, in its own thread, only goes on: it could not wait for its own end.
        """

    async def aconclude(self) -> None:
        """As `conclude`, for a coroutine."""

    def check_thread(self, what: str) -> None:
        """Raise if this thread runs the graph, which would have to wait for itself."""


class Taps:
    """Those of one run, by the names of its exports."""

    def __init__(self, job: Job, native: _native.Taps | None, course: Course) -> None:
        """Take what the engine has; nothing if the graph has no taps."""
        self._native = cast("_native.Taps", native)
        self._course = course
        self._others = job.exports
        self._feeds: dict[str, int] = {}
        self._reads: dict[str, int] = {}
        for number, (exports, feeds, _) in enumerate(job.plan.taps):
            (self._feeds if feeds else self._reads).update(dict.fromkeys(exports, number))
        self._closed: set[int] = set()

    def put(self, export: str, item: object, timeout: float | None) -> bool:
        """See `Run.put`."""
        tap = self._feed("put", export)
        sent = self._native.put(tap, item)
        if type(sent) is TapPut:
            self._course.check_thread(f"run.put({export!r}, ...)")
            sent = sent.wait(timeout)
        if sent is None:
            self._course.conclude()
            self._refuse_closed("put", export)
            return False
        return sent

    async def aput(self, export: str, item: object) -> bool:
        """See `Run.aput`."""
        tap = self._feed("aput", export)
        sent = self._native.put(tap, item)
        if type(sent) is TapPut:
            waiting = sent
            try:
                while (future := waiting.advance()) is not None:
                    await future
                sent = waiting.result()
            finally:
                waiting.close()
        if sent is None:
            await self._course.aconclude()
            self._refuse_closed("aput", export)
            return False
        return sent

    def iter(self, export: str, timeout: float | None) -> _native.TapReader:
        """See `Run.iter`."""
        tap = self._read("iter", export)
        return self._native.reader(tap, self, timeout)

    def stream(self, export: str) -> Stream:
        """See `Run.stream`."""
        tap = self._read("stream", export)
        return Stream(self._native.reader(tap, self, None), self._course)

    def close(self, export: str) -> None:
        """See `Run.close`."""
        self._close(self._feed("close", export))

    def give_up(self, task: asyncio.Task[Any] | None = None) -> None:
        """Close what this thread, or the task, feeds and reads; what others read is left to them as long as they do."""
        for tap in set(self._feeds.values()) - self._closed:
            self._close(tap)
        for tap in set(self._reads.values()) - self._closed:
            if not self._native.is_read_beside(tap, task):
                self._close(tap)

    def release(self) -> None:
        """Let go of the run's memory, but for what others still read."""
        if self._native is not None:
            self._native.release()

    # What readers call.

    def conclude(self) -> None:
        """Raise what the run has failed with."""
        self._course.conclude()

    def check_thread(self, what: str) -> None:
        """Refuse to wait in the thread that runs the graph."""
        self._course.check_thread(what)

    def abandoned(self, tap: int) -> None:
        """Stop the run: there is a tap that nobody reads any more."""
        if tap not in self._closed:
            self._course.stop()

    # What is refused.

    def _close(self, tap: int) -> None:
        self._closed.add(tap)
        self._native.close(tap)

    def _feed(self, method: str, export: str) -> int:
        tap = self._feeds.get(export)
        if tap is None:
            raise GraphError(self._refusal(method, export, self._feeds, "fed"))
        return tap

    def _read(self, method: str, export: str) -> int:
        tap = self._reads.get(export)
        if tap is None:
            raise GraphError(self._refusal(method, export, self._reads, "read"))
        return tap

    def _refusal(self, method: str, export: str, there: dict[str, int], what: str) -> str:
        call = f"run.{method}({export!r}{', ...' if method in ('put', 'aput') else ''})"
        if export in self._feeds:
            return f"{call}: it is an exported inport, to be fed: run.put({export!r}, item)"
        if export in self._reads:
            return f"{call}: it is an exported outport, to be read: run.iter({export!r}), or run.stream({export!r})"
        if export in self._others:
            return f"{call}: {self._others[export]}"
        known = [*self._feeds, *self._reads, *self._others]
        similar = difflib.get_close_matches(str(export), known, 1)
        hint = f"; did you mean {similar[0]!r}?" if similar else "."
        names = ", ".join(map(repr, there)) or "nothing"
        return f"{call}: the graph exports no {export!r}{hint} What can be {what}: {names}"

    def _refuse_closed(self, method: str, export: str) -> None:
        if self._feeds[export] in self._closed:
            msg = f"run.{method}({export!r}, ...): the run is over; put before run.close() or run.join()"
            raise RuntimeError(msg)


class Stream:
    """What an exported outport sends, for coroutines; `run.stream("export")` gives it."""

    def __init__(self, reader: _native.TapReader, course: Course) -> None:
        """Take the reader that it is for coroutines."""
        self._reader = reader
        self._course = course

    def __aiter__(self) -> Self:
        """Give the stream itself."""
        return self

    async def __anext__(self) -> Any:
        """Give the next item. Cancelled while it waits it has taken none."""
        found = self._reader.take(asyncio.current_task())
        if type(found) is not TapGet:
            return found
        try:
            while (future := found.advance()) is not None:
                await future
            result = found.result()
        finally:
            found.close()
        if result is None:
            await self._course.aconclude()
        if not result:
            raise StopAsyncIteration
        return result[0]

    async def aclose(self) -> None:
        """Read no more. Before the end that stops the run, unless others read the same."""
        self._reader.close()

    def __repr__(self) -> str:
        """Tell whose it is."""
        return repr(self._reader).replace("run.iter", "run.stream")
