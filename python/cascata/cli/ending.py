"""How a command ends: its exit code, and what it says on standard error when it fails.

Exit codes are documented (docs/cli.md): scripts rely on them.
"""

from __future__ import annotations

import contextlib
import enum
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import typer

import cascata
from cascata.cli.outlet import Outlet
from cascata.errors import DeadlockError, GraphError, ItemError, RunError, RunTimeout, WorkerDied
from cascata.text import count_text, first_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Code", "Refusal", "UserError", "ending", "exiting", "kind_of", "say"]

PACKAGE = str(Path(cascata.__file__).parent)
MOST_OTHERS = 5
"""Failures that followed the first one, of which the message has a line each."""


class Code(enum.IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    """A component raised."""
    USAGE = 2
    """The command line asks for what there is not."""
    STUCK = 3
    """The graph cannot run, or could not move any more."""
    TIMEOUT = 4
    DIED = 5
    """A worker process died."""
    UNREADABLE = 6
    """The file raised when it was imported, or its data describe no graph."""
    DEFECT = 70
    """Cascata itself failed."""
    INTERRUPTED = 130
    PIPE = 141
    """Nobody reads the output any more."""


class Refusal(Exception):  # noqa: N818  no error of the program
    """What the command line asks for cannot be done; the message says why, and how to mend it."""

    code = Code.USAGE


class Unreadable(Refusal):
    """A file holds no graph that can be read."""

    code = Code.UNREADABLE


class UserError(Unreadable):
    """Code of the user's raised where no component did: a module, or a function that makes a graph."""

    def __init__(self, headline: str, error: BaseException) -> None:
        """Take what was being done, and the exception; only the user's frames of its traceback are shown."""
        shown = traceback.TracebackException.from_exception(error)
        _leave_out_ours(shown)
        super().__init__(f"{headline}\n\n{''.join(shown.format()).rstrip()}")


def _leave_out_ours(shown: traceback.TracebackException) -> None:
    own = [frame for frame in shown.stack if not frame.filename.startswith((PACKAGE, "<frozen importlib"))]
    shown.stack = traceback.StackSummary.from_list(own)
    for cause in (shown.__cause__, shown.__context__):
        if cause is not None:
            _leave_out_ours(cause)


CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Code], ...] = (
    (KeyboardInterrupt, Code.INTERRUPTED),
    (BrokenPipeError, Code.PIPE),
    ((DeadlockError, GraphError, ItemError), Code.STUCK),
    (RunTimeout, Code.TIMEOUT),
    (WorkerDied, Code.DIED),
    (RunError, Code.FAILED),
)


def kind_of(error: BaseException) -> Code:
    """Give the exit code that an exception stands for."""
    if isinstance(error, Refusal):
        return error.code
    return next((code for kinds, code in CODES if isinstance(error, kinds)), Code.DEFECT)


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Say what went wrong within the block, and exit with the code that stands for it."""
    try:
        yield
    except (typer.Exit, typer.BadParameter):
        raise
    except BaseException as error:  # noqa: BLE001  each has its code
        code = kind_of(error)
        if isinstance(sys.stdout, Outlet) and sys.stdout.broken:
            code = Code.PIPE
        elif code is Code.DEFECT:
            traceback.print_exc()
        elif code is not Code.PIPE:
            say("interrupted" if code is Code.INTERRUPTED else _message(error))
        raise typer.Exit(code) from None


@contextlib.contextmanager
def exiting() -> Iterator[None]:
    """Exit at the end of the block, with another code if nobody has read all of the output."""
    stdout = sys.stdout
    sys.stdout = outlet = cast("TextIO", Outlet(stdout))
    try:
        yield
    except SystemExit as leaving:
        with contextlib.suppress(KeyboardInterrupt):
            outlet.flush()
        if cast("Outlet", outlet).broken:
            leaving.code = Code.PIPE
            _abandon(stdout)
        try:
            sys.stderr.flush()
        except OSError:  # nobody reads messages either: the exit code says it
            _abandon(sys.stderr)
        raise
    finally:
        sys.stdout = stdout


def _abandon(stream: TextIO) -> None:
    """Let go of what could not be written: else Python tries once more at its end, and exits with another code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str) -> None:
    """Write a message to standard error."""
    with contextlib.suppress(OSError):
        typer.echo(f"cascata: {text}", err=True)


def _message(error: BaseException) -> str:
    others: list[BaseException] = getattr(error, "others", [])
    lines = first_of([str(other).partition("\n")[0] for other in others], MOST_OTHERS)
    if not lines:
        return str(error)
    more = "".join(f"\n  - {line}" for line in lines)
    return f"{error}\n\n{count_text(len(others), 'failure')} more while the run was being stopped:{more}"
