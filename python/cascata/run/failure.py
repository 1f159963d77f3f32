"""The failure of a component, on its way from the worker to the caller."""

from __future__ import annotations

import pickle
import reprlib
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from cascata.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failure"]

KEPT_FRAMES = 20
"""Frames that are kept at either end of a traceback that is too deep to be pickled."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


@dataclass(frozen=True)
class Failure:
    """What is known of it. `cause` is the exception itself, or its pickled form for another process."""

    component: str
    component_class: str
    worker: int
    line: str
    inputs: dict[str, str]
    traceback: str
    cause: BaseException | bytes

    @classmethod
    def of(
        cls,
        error: BaseException,
        component: str,
        component_class: str,
        worker: int,
        inputs: Mapping[str, object] | None,
    ) -> Failure:
        """Describe `error` while its traceback and the firing's inputs are at hand."""
        return cls(
            component=component,
            component_class=component_class,
            worker=worker,
            line=_line(error),
            inputs={name: _short(value) for name, value in (inputs or {}).items()},
            traceback="".join(traceback.format_exception(error)),
            cause=error,
        )

    @classmethod
    def bare(cls, error: BaseException, component: str, component_class: str, worker: int) -> Failure:
        """Describe an exception that cannot even be looked at."""
        line = type(error).__name__
        stand_in = RuntimeError(f"{line}, which could not be described")
        return cls(component, component_class, worker, line, {}, "", stand_in)

    def packed(self) -> Failure:
        """Give the same with the exception in a form that can leave the process."""
        if isinstance(self.cause, bytes):
            return self
        return Failure(**{**vars(self), "cause": _pack(self.cause)})

    def error(self) -> ComponentError:
        """Make what is raised in the caller, with the original exception as `__cause__`."""
        error = ComponentError(
            self.component,
            self.component_class,
            error=self.line,
            worker=self.worker,
            inputs=self.inputs,
            remote_traceback=self.traceback,
        )
        error.__cause__ = self._unpacked()
        return error

    def _unpacked(self) -> BaseException:
        if isinstance(self.cause, BaseException):
            return self.cause
        try:
            cause: BaseException = pickle.loads(self.cause)  # noqa: S301  from the run's own worker
        except Exception as problem:  # noqa: BLE001  its class may exist in the worker alone
            cause = RuntimeError(self.line)
            cause.add_note(f"stands for an exception that cannot be restored here: {problem!r}")
        return cause


def _line(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  any class may have a broken __str__
        text = "<its text cannot be had>"
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _short(value: object) -> str:
    try:
        return _SHORT.repr(value)
    except BaseException:  # noqa: BLE001  any class may have a broken __repr__
        return f"<{type(value).__name__} whose repr fails>"


def _pack(error: BaseException) -> bytes:
    """Pickle an exception with its traceback; if that cannot be restored, a stand-in for it."""
    import cloudpickle
    from tblib import pickling_support

    for frames in (None, KEPT_FRAMES):
        try:
            # Its own chain and traceback; both are lost by a plain pickle.
            pickling_support.install(error)
            if frames is not None:
                error.__traceback__ = _shortened(error.__traceback__, frames)
            data: bytes = cloudpickle.dumps(error)
            if type(pickle.loads(data)) is type(error):  # noqa: S301  made on the line above
                return data
        except BaseException:  # noqa: BLE001, S112  whatever its class does while it is pickled
            continue
    # Without the traceback, which may be what is too deep to be pickled; its text travels anyway.
    return cloudpickle.dumps(_stand_in(error))  # type: ignore[no-any-return]


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
    line = _line(error)
    for kind in (base, Exception if isinstance(error, Exception) else BaseException):
        try:
            stand_in: BaseException = kind(line)
            break
        except Exception:  # noqa: BLE001, S112  some built-in classes want other arguments
            continue
    stand_in.add_note(f"stands for a {type(error).__module__}.{type(error).__qualname__}, which cannot be pickled")
    return stand_in
