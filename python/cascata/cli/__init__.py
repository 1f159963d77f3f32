"""The command `cascata`.

::

    app                             the commands together, and `--version`
    run, check, draw, components    one command each
    options                         what several of them take
    loading                         the graph of a file
    settings                        `--set node.port=value`
    ending                          exit codes, and what is said when a command fails
    outlet                          standard output that nobody reads any more
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command that `sys.argv` names, and exit."""
    from cascata.cli.app import app
    from cascata.cli.ending import exiting

    with exiting():
        app(prog_name="cascata")
