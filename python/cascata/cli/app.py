"""The commands together."""

from typing import Annotated

import typer

import cascata
from cascata.cli.check import check
from cascata.cli.components import components
from cascata.cli.draw import draw
from cascata.cli.run import run

__all__ = ["app"]

CODES = """
\b
Exit codes:
  0    done
  1    a component failed
  2    the command line is wrong
  3    the graph cannot run, or came to a deadlock
  4    the timeout has passed
  5    a worker process died
  6    the file cannot be read
  130  interrupted (Ctrl-C)
"""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # help is plain text, the same in a terminal, a pipe and the documentation
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for command in (run, check, draw, components):
    app.command(epilog=CODES)(command)


def _version(wanted: bool) -> None:  # noqa: FBT001  typer calls it
    if wanted:
        typer.echo(f"cascata {cascata.__version__}")
        raise typer.Exit


@app.callback()
def cascata_command(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Run graphs of components, check them, draw them."""
