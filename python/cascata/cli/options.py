"""Arguments and options that several commands take."""

from typing import Annotated, TypeAlias

import typer

__all__ = ["Allow", "Settings", "Where"]

Where: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help="A Python file with a graph, or with a function that gives one (FILE.py, or FILE.py:NAME if there are "
        "several), or a graph as data (FILE.json).",
    ),
]
Settings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NODE.PORT=VALUE",
        show_default=False,
        help="Set the initial value of an inport, or the argument of a persistent value. VALUE is JSON, or else text. "
        "Can be given several times.",
    ),
]
Allow: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODULES",
        show_default=False,
        help="For FILE.json: a module that may be imported, or a pattern such as 'my_project.*'. Can be given several "
        "times; without it, any may be.",
    ),
]
