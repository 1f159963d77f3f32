"""The exceptions of Cascata.

::

    CascataError
    ├── GraphError (ValueError)          building a graph: names, edges, trigger groups
    │   └── GraphFormatError             reading or writing a graph as data
    ├── DeadlockError                    the graph cannot run, or a run that can never move again
    ├── RunError                         a run that failed
    │   ├── ComponentError               a component raised
    │   ├── WorkerDied                   a worker process ended unasked
    │   └── RunTimeout (TimeoutError)    `timeout=` has passed
    ├── ItemError (TypeError)            an item that cannot be sent, or not be restored from a channel
    └── ChannelClosed                    putting into, or opening, a channel that has ended

Wrong use of the decorators is a plain `TypeError` or `ValueError`, a misspelt port an
`AttributeError`, as anywhere in Python.
"""

from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING, Any

from cascata.text import first_of, names_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "CascataError",
    "ChannelClosed",
    "ComponentError",
    "DeadlockError",
    "GraphError",
    "GraphFormatError",
    "ItemError",
    "RunError",
    "RunTimeout",
    "WorkerDied",
]

MOST_LINES = 50
"""Of a message: a graph may have thousands of components that have all the same to say. Attributes hold everything."""


class CascataError(Exception):
    """The base of all exceptions that Cascata defines."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle message and attributes: the constructors of subclasses take more than a message."""
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[CascataError], args: tuple[object, ...]) -> CascataError:
    error = kind.__new__(kind, *args)
    error.args = args
    return error


def _lines(texts: Sequence[str]) -> str:
    return "".join(f"\n  - {text}" for text in first_of(texts, MOST_LINES))


class GraphError(CascataError, ValueError):
    """A graph is being built in a way that does not work: a name, an edge or a trigger group."""


class GraphFormatError(GraphError):
    """A graph cannot be written as data, or data do not describe a graph."""


class DeadlockError(CascataError):
    """The graph cannot run to its end, or a run has come to a point where nothing can move again.

    Attributes:
        issues: One sentence for everything that is wrong, all of it at once; the message has the first of them.
        others: What else went wrong while a run was being stopped because of it, in the order it arrived.

    """

    def __init__(self, issues: Sequence[str], headline: str = "this graph cannot run") -> None:
        """Take the sentences, and what they have in common as the headline above them."""
        self.issues: list[str] = list(issues)
        self.others: list[BaseException] = []
        super().__init__(headline + ":" + _lines(self.issues))


class RunError(CascataError):
    """A run failed.

    Attributes:
        others: What else went wrong while the run was being stopped, in the order it arrived.

    """

    def __init__(self, message: str, others: Iterable[BaseException] = ()) -> None:
        """Take what happened first, and the failures that followed it."""
        super().__init__(message)
        self.others: list[BaseException] = list(others)


class ComponentError(RunError):
    """A component raised; the exception itself is the `__cause__`.

    Attributes:
        component: The component's name in its graph.
        component_class: The name of its definition.
        worker: The number of the worker it ran on.
        inputs: The values it was called with, as shortened `repr`s, by inport.
        remote_traceback: The traceback as the worker saw it, as text.

    """

    def __init__(  # noqa: PLR0913  each is one thing that the message tells
        self,
        component: str,
        component_class: str,
        *,
        error: str,
        worker: int,
        inputs: Mapping[str, str] | None = None,
        remote_traceback: str = "",
        others: Iterable[BaseException] = (),
    ) -> None:
        """Take where it happened; `error` is the exception in one line (`"ValueError: no text"`)."""
        self.component = component
        self.component_class = component_class
        self.worker = worker
        self.inputs: dict[str, str] = dict(inputs or {})
        self.remote_traceback = remote_traceback
        lines = [f"{component} ({component_class}) on worker {worker} raised {error}"]
        if self.inputs:
            lines.append("  called with " + ", ".join(f"{name}={value}" for name, value in self.inputs.items()))
        if remote_traceback:
            lines.append("\n" + remote_traceback.rstrip())
        super().__init__("\n".join(lines), others)


class WorkerDied(RunError):  # noqa: N818  it names an event, as `KeyboardInterrupt` does
    """A worker process ended although nobody asked it to.

    Attributes:
        worker: Its number.
        components: The names of the components that ran on it.
        exitcode: The code it exited with, or `None` if a signal killed it.
        signal: The number of the signal that killed it, or `None`.
        stack: What it executed then, as `faulthandler` writes it; empty if the signal left it no time for that.

    """

    def __init__(  # noqa: PLR0913  each is one thing that the message tells
        self,
        worker: int,
        components: Iterable[str],
        *,
        exitcode: int | None = None,
        signal: int | None = None,
        stack: str = "",
        others: Iterable[BaseException] = (),
    ) -> None:
        """Take which worker it was and how it ended."""
        self.worker = worker
        self.components: list[str] = list(components)
        self.exitcode = exitcode
        self.signal = signal
        self.stack = stack
        running = names_text(self.components) or "no component"
        message = f"worker {worker} {_ending(exitcode, signal)}; it was running {running}"
        super().__init__(f"{message}\n\n{stack.rstrip()}" if stack else message, others)


def _ending(exitcode: int | None, signal: int | None) -> str:
    if signal is None:
        return "died" if exitcode is None else f"exited with code {exitcode}"
    try:
        name = signals.Signals(signal).name
    except ValueError:
        name = f"signal {signal}"
    hint = " (the system does this when memory runs out)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"


NOTHING = " no component, but a thread or a task that one has started"


class RunTimeout(RunError, TimeoutError):  # noqa: N818  as above
    """A run did not end within its `timeout=`.

    Attributes:
        components: What each unfinished component was waiting for, by name.

    """

    def __init__(
        self,
        timeout: float,
        components: Mapping[str, str],
        others: Iterable[BaseException] = (),
    ) -> None:
        """Take the limit in seconds and what was still running."""
        self.components: dict[str, str] = dict(components)
        waiting = _lines([f"{name}: {state}" for name, state in self.components.items()])
        super().__init__(f"the run did not end within {timeout:g} s; still running:{waiting or NOTHING}", others)


class ItemError(CascataError, TypeError):
    """An item that cannot be sent; the message names the port and the offending type.

    A public channel raises it, too, for an item that cannot be restored where it arrives.
    """


class ChannelClosed(CascataError):  # noqa: N818  as above
    """The channel has ended: every publisher has left it, or a process was killed in the middle of an operation."""
