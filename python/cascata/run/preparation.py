"""What a spawned worker takes over from the process that spawns it, beyond what the system hands down."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.process
import sys
import warnings
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

__all__ = ["Preparation"]


@dataclass(frozen=True, slots=True)
class Preparation:
    """Settings of an interpreter."""

    argv: list[str]
    recursion_limit: int
    authkey: bytes
    start_method: str | None
    tracker: int | None
    """The descriptor of multiprocessing's resource tracker, if it runs: one for all processes that share resources."""
    level_names: dict[str, int]
    disabled: int
    """Up to this level nothing is logged."""
    loggers: dict[str, tuple[int, bool, bool]]
    """Level, propagation and end of all loggers."""
    warnings_logged: bool
    """Whether warnings go to the logger `py.warnings`."""
    filters: list[tuple[Any, ...]]
    """Of warnings, their categories by name."""

    @classmethod
    def take(cls) -> Preparation:
        """Look at this process."""
        known = logging.root.manager.loggerDict.copy()
        loggers = {name: logger for name, logger in known.items() if isinstance(logger, logging.Logger)}
        return cls(
            argv=[*getattr(sys, "argv", ())],
            recursion_limit=sys.getrecursionlimit(),
            authkey=bytes(multiprocessing.process.current_process().authkey),
            start_method=multiprocessing.get_start_method(allow_none=True),
            tracker=resource_tracker._resource_tracker._fd,  # type: ignore[attr-defined]
            level_names=logging.getLevelNamesMapping(),
            disabled=logging.root.manager.disable,
            loggers={
                name: (logger.level, logger.propagate, logger.disabled)
                for name, logger in {"": logging.root, **loggers}.items()
            },
            warnings_logged=logging._warnings_showwarning is not None,  # type: ignore[attr-defined]
            filters=[
                (action, message, (category.__module__, category.__name__), module, line)
                for action, message, category, module, line in warnings.filters
                if isinstance(category, type)
            ],
        )

    def apply(self) -> None:
        """Make this process like that one."""
        sys.argv[:] = self.argv
        sys.setrecursionlimit(self.recursion_limit)
        multiprocessing.process.current_process().authkey = self.authkey
        if self.start_method is not None:
            multiprocessing.set_start_method(self.start_method, force=True)
        resource_tracker._resource_tracker._fd = self.tracker  # type: ignore[attr-defined]
        for name, level in self.level_names.items():
            if logging.getLevelName(level) != name and logging.getLevelName(name) != level:
                logging.addLevelName(level, name)
        logging.captureWarnings(self.warnings_logged)
        self.set_levels()

    def settle(self) -> None:
        """Do once more what the modules that have been imported since may have changed."""
        self.set_levels()
        self.filter_warnings()

    def set_levels(self) -> None:
        """Set what is logged."""
        logging.disable(self.disabled)
        for name, (level, propagates, disabled) in self.loggers.items():
            logger = logging.getLogger(name)
            logger.setLevel(level)
            logger.propagate, logger.disabled = propagates, disabled

    def filter_warnings(self) -> None:
        """Set the filters of warnings; of those whose category nobody here has imported there are none to filter."""
        filters = []
        for action, message, (home, name), module, line in self.filters:
            category = getattr(sys.modules.get(home), name, None)
            if category is not None:
                filters.append((action, message, category, module, line))
        warnings.filters[:] = filters  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]
