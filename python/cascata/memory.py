"""Data that cross from worker to worker without a copy.

What has a buffer (numpy's arrays, Arrow data) is copied once, into shared memory, when it is sent to another worker,
and viewed there by whoever receives it. What is made in shared memory from the start is not even copied once.
"""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from cascata import _native

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["buffer", "empty", "writable"]


def empty(shape: int | tuple[int, ...], dtype: DTypeLike = float) -> NDArray[Any]:
    """Make an array in shared memory, to be filled and sent: as `numpy.empty`, with arbitrary content.

    Sent to other workers it is viewed there, not copied, so leave it as it is from then on. Outside of a worker process
    (with `num_workers=0`, in `test`) it is an ordinary array.

    Args:
        shape: Its length in each dimension.
        dtype: The type of its items; no Python objects.

    Raises:
        MemoryError: If the worker has no shared memory left.

    >>> from cascata import component, empty, inport, outport
    >>> @component
    ... @inport("width")
    ... @outport("image")
    ... async def black(width, image):
    ...     pixels = empty((width, width), "uint8")
    ...     pixels[:] = 0
    ...     await image.send(pixels)
    >>> black.test(width=2)["image"][0].tolist()
    [[0, 0], [0, 0]]

    """
    import numpy as np

    kind = np.dtype(dtype)
    if kind.hasobject:
        msg = f"empty({shape!r}, {dtype!r}): Python objects cannot lie in shared memory; use numbers"
        raise TypeError(msg)
    lengths = shape if isinstance(shape, tuple) else (shape,)
    size = kind.itemsize
    for length in lengths:
        if length < 0:
            msg = f"empty({shape!r}): a dimension is negative"
            raise ValueError(msg)
        size *= length
    shared = _native.shared_buffer(size)
    return np.empty(lengths, kind) if shared is None else np.ndarray(lengths, kind, memoryview(shared))


def buffer(size: int) -> Any:
    """Make a writable buffer of `size` bytes in shared memory, with arbitrary content, to be filled and sent.

    Use it by `memoryview(buffer)` or whatever else takes bytes. Where it is sent to it is read-only. Outside of a
    worker process it is a `bytearray`. See `empty`.

    Raises:
        MemoryError: If the worker has no shared memory left.
        ValueError: If `size` is negative.

    >>> data = buffer(4)
    >>> memoryview(data)[:2] = b"ab"
    >>> bytes(memoryview(data)[:2])
    b'ab'

    """
    if size < 0:
        msg = f"buffer({size}): the size is negative"
        raise ValueError(msg)
    shared = _native.shared_buffer(size)
    return bytearray(size) if shared is None else shared


def writable(value: Any) -> Any:
    """Give a private copy of `value` that can be changed.

    What comes from another worker may show memory that others see, too, and such arrays are read-only. The copy is
    deep: of a dict of arrays, it has copies of these. A buffer becomes a `bytearray`.

    >>> import numpy as np
    >>> from cascata import writable
    >>> view = np.frombuffer(b"abc", "uint8")
    >>> mine = writable(view)
    >>> mine[0] = 65
    >>> bytes(mine), bytes(view)
    (b'Abc', b'abc')

    """
    if isinstance(value, memoryview):
        return bytearray(value)
    return copy.deepcopy(value)


os.register_at_fork(after_in_child=_native.after_fork)
