"""Values from the command line: `--set node.port=value`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cascata.cli.ending import Refusal
from cascata.owner import Owner
from cascata.port import InputPort, PersistentPort
from cascata.subgraph import Subgraph
from cascata.text import value_text
from cascata.types import type_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cascata.graph import Graph

__all__ = ["apply"]

MISSING = object()


def apply(graph: Graph, settings: Iterable[str]) -> None:
    """Set initial values, and the arguments of persistent values, as the command line says.

    Raises:
        Refusal: If there is no such port, or it does not take such a value.

    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            msg = f"--set {setting}: write the port, `=` and the value, as in --set node.port=3"
            raise Refusal(msg)
        port = _port(graph, name.strip(), f"--set {setting}")
        port.initialize(_value(port, text)) if isinstance(port, InputPort) else port < _value(port, text)


def _port(graph: Graph, name: str, shown: str) -> InputPort | PersistentPort:
    """Find an inport or a persistent value: of a component, a group or a subgraph, or one that is exported."""
    target: Any = graph
    for part in name.split("."):
        if not (target is graph or isinstance(target, Owner | Subgraph)):
            msg = f"{shown}: {target!r} has no {part!r}"
            raise Refusal(msg)
        try:
            target = getattr(target, part)
        except AttributeError as error:
            msg = f"{shown}: {error}"
            raise Refusal(msg) from None
    if isinstance(target, InputPort | PersistentPort):
        return target
    if isinstance(target, Owner):
        ports = [name for name, port in target.ports.items() if isinstance(port, InputPort | PersistentPort)]
        msg = f"{shown}: name a port of {name}: {', '.join(ports) or 'it has none that takes a value'}"
        raise Refusal(msg)
    msg = f"{shown}: {name} is no inport and no persistent value, but {target!r}"
    raise Refusal(msg)


def _value(port: InputPort | PersistentPort, text: str) -> Any:
    """Read a value as JSON if it is JSON and the port takes that, else as it is written."""
    try:
        value = json.loads(text)
    except ValueError:
        value = MISSING
    readings = [reading for reading in (value, text) if reading is not MISSING]
    if not isinstance(port, InputPort) or port.batch_size is not None:
        return readings[0]
    for reading in readings:
        if _takes(port.type, reading):
            return reading
    msg = f"{port.label} takes {type_text(port.type)}, and {value_text(readings[0])} is none"
    raise Refusal(msg)


def _takes(hint: Any, value: object) -> bool:
    from beartype import BeartypeConf
    from beartype.door import is_bearable

    try:
        return bool(is_bearable(value, hint, conf=BeartypeConf(is_pep484_tower=True)))
    except Exception:  # noqa: BLE001  an annotation that beartype does not know
        return True
