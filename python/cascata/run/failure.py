"""The failure of a component, on its way from the worker to the caller."""

from __future__ import annotations

import reprlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cascata.errors import ComponentError
from cascata.run import portable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

__all__ = ["Failure"]

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
        trace = _of_user(error.__traceback__)
        # Without any code of the user's in it, the whole of it is at least told.
        error.__traceback__ = trace or error.__traceback__
        text = "".join(traceback.format_exception(error))
        error.__traceback__ = trace
        return cls(
            component=component,
            component_class=component_class,
            worker=worker,
            line=portable.describe(error),
            inputs={name: _short(value) for name, value in (inputs or {}).items()},
            traceback=text,
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
        return Failure(**{**vars(self), "cause": portable.dump(self.cause)})

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
        error.__cause__ = self.cause if isinstance(self.cause, BaseException) else portable.load(self.cause, self.line)
        return error


def _short(value: object) -> str:
    try:
        return _SHORT.repr(value)
    except BaseException:  # noqa: BLE001  any class may have a broken __repr__
        return f"<{type(value).__name__} whose repr fails>"


def _of_user(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that led to the user's code: they explain nothing, and keep the run's memory alive."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "cascata":
        trace = trace.tb_next
    return trace
