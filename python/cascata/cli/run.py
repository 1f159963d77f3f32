"""`cascata run`: run a graph to its end."""

import dataclasses
import enum
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from cascata.cli import loading, settings
from cascata.cli.ending import Code, Refusal, ending, kind_of
from cascata.cli.options import Allow, Settings, Where
from cascata.run.job import Job

if TYPE_CHECKING:
    from cascata.run import Report

__all__ = ["run"]


class StartMethod(enum.StrEnum):
    """How workers are started."""

    FORK = "fork"
    SPAWN = "spawn"


def run(
    file: Where,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            show_default=False,
            help="Worker processes at most, by default as many as there are usable CPUs. 0 runs everything in one "
            "process, for debuggers.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", show_default=False, help="Stop the run after this time."),
    ] = None,
    values: Settings = None,
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress",
            show_default=False,
            help="Show on standard error how far the components are; by default in a terminal.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Write what the run has done to a file, as JSON."),
    ] = None,
    start_method: Annotated[
        StartMethod | None,
        typer.Option(show_default=False, help="How worker processes are started, by default forked where it is safe."),
    ] = None,
    allow: Allow = None,
) -> None:
    """Run a graph to its end.

    What its components print goes to standard output, everything else to standard error.
    """
    with ending():
        if timeout is not None and not 0 < timeout < math.inf:
            msg = f"--timeout {timeout:g}: give seconds above 0"
            raise Refusal(msg)
        before = Job.prepared
        graph = loading.load(file, allow or ())
        if Job.prepared > before:
            msg = (
                f"{file} has run a graph itself, when it was imported, and it is not run again; `python {file}` would "
                "have done, or put that below `if __name__ == '__main__':`"
            )
            raise Refusal(msg)
        settings.apply(graph, values or ())
        with _Account(report) as account:
            account.done = graph.run(
                workers,
                timeout=timeout,
                start_method=None if start_method is None else start_method.value,
                progress=sys.stderr.isatty() if progress is None else progress,
            )


class _Account:
    """Writes a run's report, or what went wrong, into a file."""

    def __init__(self, file: Path | None) -> None:
        """Take the file, and open it now: after a long run it would be too late."""
        self.done: Report | None = None
        try:
            self._file = None if file is None else file.open("w", encoding="utf-8")
        except OSError as error:
            msg = f"--report {file}: it cannot be written: {error.strerror}"
            raise Refusal(msg) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._file is None:
            return
        with self._file:
            json.dump(_data(self.done, error), self._file, indent=2)
            self._file.write("\n")


def _data(report: "Report | None", error: BaseException | None) -> dict[str, Any]:
    if report is not None:
        data = dataclasses.asdict(dataclasses.replace(report, collected={}))
        del data["collected"]
        return {"outcome": _outcome(Code.DONE), **data}
    if error is None:
        return {}
    known = {name: value for name, value in vars(error).items() if name != "others"}
    told = {"kind": type(error).__name__, "message": str(error), **known}
    return {"outcome": _outcome(kind_of(error)), "error": told}


def _outcome(code: Code) -> str:
    return code.name.lower()
