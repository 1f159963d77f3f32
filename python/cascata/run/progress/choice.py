"""What shows a run: decided from `progress=` and from where the program's messages go."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, Union

from cascata.run.progress.view import Calls
from cascata.text import value_text

if TYPE_CHECKING:
    from cascata.run.progress.view import View
    from cascata.run.snapshot import Snapshot

__all__ = ["Progress", "check", "view_of"]

Progress: TypeAlias = Union[bool, float, Callable[["Snapshot"], object]]  # noqa: UP007  `|` takes no text
"""The argument `progress=` of a run."""

OFTEN = 0.5
"""Seconds between two views that replace each other."""
SELDOM = 5.0
"""Seconds between two lines that stay."""


def check(progress: object) -> None:
    """Check that `progress=` says something.

    Raises:
        TypeError, ValueError: If it does not.

    """
    if isinstance(progress, bool) or callable(progress):
        return
    mend = "give True, the seconds between two updates, or a function of a snapshot"
    if not isinstance(progress, int | float):
        msg = f"progress={value_text(progress)}: {mend}"
        raise TypeError(msg)
    if not 0 < progress < math.inf:
        msg = f"progress={progress} is no time between two updates; {mend}"
        raise ValueError(msg)


def view_of(progress: Progress) -> View | None:
    """Give what shows a run; `None` if nothing does."""
    if callable(progress):
        return Calls(progress, OFTEN)
    if progress is False or sys.stderr is None:
        return None
    seconds = None if progress is True else float(progress)
    if _in_notebook():
        from cascata.run.progress.notebook import Notebook

        return Notebook(seconds or OFTEN)
    from cascata.run.progress.terminal import Terminal

    if (terminal := Terminal.available(seconds or OFTEN)) is not None:
        return terminal
    from cascata.run.progress.plain import Plain

    return Plain(seconds or SELDOM)


def _in_notebook() -> bool:
    """Tell whether this is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")
