"""`cascata components`: what a module offers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cascata import registry
from cascata.cli import loading
from cascata.cli.ending import ending, say
from cascata.text import value_text
from cascata.types import type_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cascata.registry import Entry, Inport

__all__ = ["components"]


def components(
    module: Annotated[
        str,
        typer.Argument(
            metavar="MODULE",
            show_default=False,
            help="A module, such as my_project.text, or a Python file; of a package, also the modules that it imports.",
        ),
    ],
) -> None:
    """List the components of a module.

    With their ports, the types, capacities and defaults of these, and what they are for.
    """
    with ending():
        file = Path(module)
        found = loading.import_file(file) if file.suffix == ".py" else loading.import_module(module)
        name = found.__name__
        entries = [
            entry
            for where, there in registry.modules().items()
            if where == name or where.startswith(f"{name}.")
            for entry in there
        ]
        if not entries:
            say(f"no component is defined in {name}")
        typer.echo("\n\n".join("\n".join(_lines(entry)) for entry in entries), nl=bool(entries))


def _lines(entry: "Entry") -> "Iterator[str]":
    """Write what there is to know about a component."""
    yield f"{entry.name} ({entry.module})"
    for line in (entry.doc or "").splitlines():
        yield f"    {line}".rstrip()
    ports = [("in", _inport(port)) for port in entry.inports.values()]
    ports += [("out", _typed(port.name, port.type)) for port in entry.outports.values()]
    ports += [("keeps", _typed(value.name, value.type)) for value in entry.persistent.values()]
    for kind, text in ports:
        yield f"    {kind:<5}  {text}"


def _inport(port: "Inport") -> str:
    default = f" = {value_text(port.default[0])}" if port.default else ""
    capacity = "no bound" if port.capacity is None else f"capacity {port.capacity}"
    return f"{_typed(port.name, port.type)}{default}, {capacity}"


def _typed(name: str, hint: object) -> str:
    return f"{name}: {type_text(hint)}"
