"""The public channel: a bounded queue between coroutines, threads and processes.

Inside a graph channels belong to inports and nobody sees them. This one is for what lies beside: a component that
talks to the program that started it, plain `multiprocessing`, several event loops.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from cascata._native import ChannelCore, Get, quiesce
from cascata._native import Publisher as NativePublisher
from cascata.errors import ChannelClosed

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["Channel", "Publisher"]

T = TypeVar("T")

MOST = 2**32 - 1
"""Items that can be counted."""


class Channel(Generic[T]):
    """A bounded, asynchronous, many-to-many queue.

    Its two ends may be in one event loop, in loops of several threads, and in several processes: hand it to a child
    process when that is started, as an argument of a `multiprocessing.Process`, forked or spawned, or as an initial
    value or a persistent argument of a component. Each item goes to one consumer, in the order in which items were put.

    >>> import asyncio
    >>> from cascata import Channel
    >>> async def count(channel):
    ...     async with channel.open() as ch:
    ...         for number in range(3):
    ...             await ch.put(number)
    >>> async def main():
    ...     channel = Channel(capacity=2)
    ...     counting = asyncio.create_task(count(channel))
    ...     numbers = [number async for number in channel]
    ...     await counting
    ...     return numbers
    >>> asyncio.run(main())
    [0, 1, 2]

    Items are pickled (by cloudpickle where pickle fails) when they are put, also within a process, so what arrives is a
    copy; arrays and other buffers arrive as read-only views of shared memory, see `cascata.writable`.

    Iteration waits for a first publisher and ends when the last one has left and the channel is empty; then it has
    ended for good. A publisher whose process dies counts as gone. If a process is killed in the very middle of an
    operation on the channel, which it may have left in disorder, everybody gets `ChannelClosed`.
    """

    def __init__(self, capacity: int | None = 10) -> None:
        """Make a channel in which `capacity` items fit, or as many as there is memory for.

        Large items may take half of the memory that this process may use; where there is none left, `put` waits.

        Raises:
            TypeError: If `capacity` is neither an `int` nor `None`.
            ValueError: If it is below 1, or above 4,294,967,295.
            OSError: If the system has no descriptors left; each channel takes one.

        """
        from cascata.run.resources import usable_memory

        if capacity is not None:
            if not isinstance(capacity, int) or isinstance(capacity, bool):
                msg = f"Channel(capacity={capacity!r}): a capacity is a number of items, or None for no bound"
                raise TypeError(msg)
            if not 1 <= capacity <= MOST:
                msg = f"Channel(capacity={capacity}): from 1 to {MOST:,} items can fit; None stands for no bound"
                raise ValueError(msg)
        self._core = ChannelCore(capacity, usable_memory() // 2)
        self._open: list[tuple[int, Publisher[T]]] = []

    @property
    def capacity(self) -> int | None:
        """How many items fit; `None` for as many as there is memory for."""
        return self._core.shape()[0]

    def open(self) -> Publisher[T]:
        """Give a publisher, to be used by `async with`: it counts as long as the block runs.

        Entering the block raises `ChannelClosed` if the channel has ended.
        """
        return Publisher(self)

    async def put(self, item: T) -> None:
        """Put an item in, on behalf of a publisher that is open: as the `put` of what `open()` gives.

        Raises:
            RuntimeError: If no publisher of this channel is open in this process.
            ChannelClosed: If the channel has ended.
            ItemError, MemoryError: As for that.

        >>> import asyncio
        >>> from cascata import Channel
        >>> async def main():
        ...     channel = Channel()
        ...     async with channel.open():
        ...         await channel.put("item")
        ...     return [item async for item in channel]
        >>> asyncio.run(main())
        ['item']
        """
        here = os.getpid()
        for process, publisher in reversed(self._open):
            if process == here:  # those of another process, from which this one was forked, count there
                await publisher.put(item)
                return
        if self._core.state()[2]:
            msg = "put(): the channel has ended, as its last publisher has left it"
            raise ChannelClosed(msg)
        msg = "put(): no publisher of the channel is open here; put inside of `async with channel.open():`"
        raise RuntimeError(msg)

    def __aiter__(self) -> Self:
        """Iterate over items, until the channel has ended. Several may do so at a time."""
        return self

    async def __anext__(self) -> T:
        """Take the next item; waits until there is one.

        Cancelled while it waits it has taken nothing.

        Raises:
            StopAsyncIteration: If the channel has ended.
            ItemError: If the item cannot be restored here. It is lost, and the next one can be taken.
            ChannelClosed: If a process died in the middle of an operation on the channel.

        """
        found = self._core.take()
        if type(found) is not Get:
            return cast("T", found)
        try:
            while (future := found.advance()) is not None:
                await future
            return cast("T", found.item())
        finally:
            found.close()

    def __repr__(self) -> str:
        """Tell how full it is and who publishes."""
        fill, publishers, ended = self._core.state()
        capacity = "any number" if self.capacity is None else self.capacity
        state = "ended" if ended else f"{publishers} publisher{'' if publishers == 1 else 's'}"
        return f"<Channel: {fill} of {capacity} items, {state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it for a process that is being started; nobody else could get at its memory."""
        from multiprocessing import context, reduction

        context.assert_spawning(self)
        descriptor = reduction.DupFd(self._core.fileno())
        return _restore, (type(self), descriptor, *self._core.shape())


class Publisher(Generic[T]):
    """One of those who put items into a channel; `channel.open()` gives it."""

    def __init__(self, channel: Channel[T]) -> None:
        """Take the channel."""
        self._channel = channel
        self._native = NativePublisher(channel._core)

    async def __aenter__(self) -> Self:
        """Count as a publisher from now on.

        Raises:
            ChannelClosed: If the channel has ended.
            RuntimeError: If this publisher is open already, or 256 processes use the channel.

        """
        self._native.enter()
        self._channel._open.append((os.getpid(), self))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the channel, as soon as what is being put is inside."""
        self._native.leave()
        with contextlib.suppress(ValueError):  # another process, to which the block was forked, has not opened it
            self._channel._open.remove((os.getpid(), self))

    async def put(self, item: T) -> None:
        """Put an item in; waits while the channel is full. What waits already goes first.

        Cancelled while it waits it has put nothing.

        Raises:
            ItemError: If the item cannot be pickled. The channel is as it was.
            MemoryError: If the item is larger than all memory that the channel may take.
            ChannelClosed: If a process died in the middle of an operation on the channel.
            RuntimeError: If it is called outside of the publisher's block.

        """
        waiting = self._native.put(item)
        if waiting is None:
            return
        try:
            while (future := waiting.advance()) is not None:
                await future
        finally:
            waiting.close()

    def __repr__(self) -> str:
        """Tell whose it is."""
        return f"<publisher of {self._channel!r}>"


def _restore(kind: type[Channel[Any]], descriptor: Any, capacity: int | None, limit: int) -> Channel[Any]:
    """Make the channel in a process that was started with its descriptor."""
    channel = kind.__new__(kind)
    channel._open = []
    number = descriptor.detach()
    try:
        channel._core = ChannelCore.attach(number, capacity, limit)
    finally:
        os.close(number)
    return channel


atexit.register(quiesce)
