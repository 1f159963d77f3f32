"""`cascata check`: can this graph run?"""

import typer

from cascata.cli import loading, settings
from cascata.cli.ending import ending
from cascata.cli.options import Allow, Settings, Where
from cascata.text import count_text

__all__ = ["check"]


def check(file: Where, values: Settings = None, allow: Allow = None) -> None:
    """Check that a graph can run.

    Nothing is run: the check is that every inport gets a value and every component can fire.
    """
    with ending():
        graph = loading.load(file, allow or ())
        settings.apply(graph, values or ())
        graph.check_deadlocks()
        parts = count_text(len(graph.nodes), "component"), count_text(len(graph.edges), "connection")
        typer.echo(f"{file} can run: {', '.join(parts)}")
