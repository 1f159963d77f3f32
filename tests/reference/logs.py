"""What the instances of a graph have done in a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from description import Item, Value
    from model import Event


@dataclass
class Done:
    """What an instance has done in a run."""

    log: Sequence[Event]
    unfinished: Sequence[Item] = ()
    """What it has sent and was still waiting for at the end."""
    dead: bool = False
    """Whether it had not ended then."""
    begun: dict[Item, float] = field(default_factory=dict)
    """When its sends were begun."""
    times: dict[Item, float] = field(default_factory=dict)
    """When they returned."""
    full: dict[str, set[str]] = field(default_factory=dict)
    """For outports whose send has not returned the full ports behind it, as far as they have been named."""


def text(event: Event) -> str:
    """Write an event."""
    what, content = event
    if what == "sends":
        return f"sends {content[0]} {_shown(content[1])}"
    return f"fires on {', '.join(map(_shown, content))}"


def _shown(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return "-" if value is None else f"{value[0]}={value[1]}"
