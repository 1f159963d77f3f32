"""Exceptions in a form that can leave their process, with what plain pickling leaves behind: chain and traceback."""

from __future__ import annotations

import io
import pickle
from types import TracebackType
from typing import Any

import cloudpickle
from tblib import pickling_support

__all__ = ["describe", "dump", "load"]

KEPT_FRAMES = 20
"""Frames that are kept at either end of a traceback that is too deep to be pickled."""


def describe(error: BaseException) -> str:
    """Give an exception in one line, as a traceback ends with it."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  any class may have a broken __str__
        text = "<its text cannot be had>"
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def dump(error: BaseException) -> bytes:
    """Pickle an exception; if it could not be restored, a stand-in for it."""
    # Its class may be one that only this process can name; and a very deep traceback may be more than pickle can take.
    for pickler, frames in ((_ByReference, None), (_ByValue, None), (_ByValue, KEPT_FRAMES)):
        try:
            if frames is not None:
                error.__traceback__ = _shortened(error.__traceback__, frames)
            file = io.BytesIO()
            pickler(file, protocol=5).dump(error)
            data = file.getvalue()
            if type(pickle.loads(data)) is type(error):  # noqa: S301  made on the line above
                return data
        except BaseException:  # noqa: BLE001, S112  whatever its class does while it is pickled
            continue
    return pickle.dumps(_stand_in(error))


def load(data: bytes, line: str) -> BaseException:
    """Restore an exception that a worker has dumped; `line` describes it, should that fail."""
    try:
        error: BaseException = pickle.loads(data)  # noqa: S301  from the run's own worker
    except BaseException as problem:  # noqa: BLE001  whatever its class does here, where it may not even exist
        error = RuntimeError(line)
        error.add_note(f"stands for an exception that cannot be restored here: {describe(problem)}")
    return error


class _ByReference(pickle.Pickler):
    """Names classes and functions by where they can be imported from."""

    def reducer_override(self, thing: Any) -> Any:
        """Say how to pickle `thing`."""
        return _reduced(thing)


class _ByValue(cloudpickle.Pickler):  # type: ignore[misc]
    """Takes along the classes and functions that cannot be imported."""

    def reducer_override(self, thing: Any) -> Any:
        """Say how to pickle `thing`."""
        reduced = _reduced(thing)
        return super().reducer_override(thing) if reduced is NotImplemented else reduced


def _reduced(thing: Any) -> Any:
    if isinstance(thing, TracebackType):
        return pickling_support.pickle_traceback(thing)
    if not isinstance(thing, BaseException):
        return NotImplemented
    parts: list[Any] = list(thing.__reduce_ex__(5))
    make, args, state, _, _, setter = parts + [None] * (6 - len(parts))
    if not _makes(make, args, thing):
        # Most classes whose `__init__` takes something else than what it passes on cannot be made by calling them.
        make, args = _bare, (type(thing), thing.args)
    links = (thing.__cause__, thing.__context__, thing.__suppress_context__, thing.__traceback__)
    return make, args, (state, setter, links), None, None, _complete


def _makes(make: Any, args: tuple[Any, ...], error: BaseException) -> bool:
    """Tell whether this makes an exception like `error`."""
    try:
        made = make(*args)
        return type(made) is type(error) and made.args == error.args
    except BaseException:  # noqa: BLE001  any code of the user's
        return False


def _bare(kind: type[BaseException], args: tuple[object, ...]) -> BaseException:
    """Make an exception without its `__init__`."""
    error = kind.__new__(kind, *args)
    error.args = args
    return error


def _complete(error: BaseException, parts: tuple[Any, Any, tuple[Any, Any, bool, Any]]) -> None:
    """Give an exception that has just been made its attributes and its links."""
    state, setter, links = parts
    if setter is not None:
        setter(error, state)
    elif state is not None:
        error.__setstate__(state)
    error.__cause__, error.__context__, error.__suppress_context__, error.__traceback__ = links


def _shortened(trace: TracebackType | None, frames: int) -> TracebackType | None:
    """Keep the outermost and the innermost frames: pickling a very deep traceback recurses as deep."""
    every = []
    while trace is not None:
        every.append(trace)
        trace = trace.tb_next
    kept = every if len(every) <= 2 * frames else every[:frames] + every[-frames:]
    chain: TracebackType | None = None
    for entry in reversed(kept):
        chain = TracebackType(chain, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return chain


def _stand_in(error: BaseException) -> BaseException:
    """Make an exception of a built-in class with the name and text of `error`."""
    base = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
    line = describe(error)
    for kind in (base, Exception if isinstance(error, Exception) else BaseException):
        try:
            stand_in: BaseException = kind(line)
            break
        except Exception:  # noqa: BLE001, S112  some built-in classes want other arguments
            continue
    stand_in.add_note(f"stands for a {type(error).__module__}.{type(error).__qualname__}, which cannot be pickled")
    return stand_in
