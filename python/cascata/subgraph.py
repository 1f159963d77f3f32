"""Subgraphs: copies of graphs in another graph, as seen there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from cascata.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cascata.graph import Graph
    from cascata.port import Port

__all__ = ["Subgraph"]


class Subgraph:
    """The copy of a graph in another graph, under a name; made by `main.prep = sub`.

    Its attributes are the ports that `sub` exports and, by the names that they have in `sub`, the components, groups
    and subgraphs of the copy. In `main` all these names have the prefix `prep_`. What is done to `sub` later does not
    change the copy.

    >>> from cascata import Graph, component, inport, outport
    >>> @component
    ... @inport("text")
    ... @outport("word")
    ... async def split(text: str, word: str): ...
    >>> sub = Graph()
    >>> sub.words = split
    >>> sub.export(sub.words.text, "text")
    >>> main = Graph()
    >>> main.prep = sub
    >>> _ = main.prep.text < "every good boy"
    >>> main.prep.words
    <prep_words (split): text='every good boy' -> word>
    >>> main.prep.text is main.prep_text is main.prep_words.text
    True
    """

    __slots__ = ("__dict__", "__weakref__")

    def __init__(self, graph: Graph, name: str, exports: Mapping[str, Port], parts: Mapping[str, Any]) -> None:
        """Take the graph that it is in, its name there, and what it has by the names it was given."""
        vars(self).update(_graph=graph, _name=name, _exports=dict(exports), _parts=dict(parts), _injected=False)

    @property
    def name(self) -> str:
        """The name in the graph; the prefix of the names of its parts."""
        return str(self._name)

    @property
    def graph(self) -> Graph:
        """The graph that the copy is in."""
        graph: Graph = self._graph
        return graph

    @property
    def exports(self) -> dict[str, Port]:
        """The ports that it exports, by the names it has for them."""
        return dict(self._exports)

    @property
    def nodes(self) -> dict[str, Instance]:
        """The instances in it by the names they had before, those of its own subgraphs included."""
        return {name: part for name, part in self._parts.items() if isinstance(part, Instance)}

    def __getattr__(self, name: str) -> Any:
        """Give an export, or a part by the name it had before it was copied."""
        if name.startswith("_"):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        names = {**self._parts, **self._exports}
        if name in names:
            return names[name]
        similar = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean {similar[0]!r}?" if similar else "."
        exports, parts = (", ".join(given) or "nothing" for given in (self._exports, self._parts))
        msg = f"subgraph {self.name} has no {name!r}{hint} It exports: {exports}; and consists of: {parts}"
        raise AttributeError(msg)

    def __setattr__(self, name: str, value: object) -> None:
        """Explain that a copy stays what it is."""
        if name in self._exports and value is self._exports[name]:
            return  # `prep.out >>= inp` assigns what it gives
        if name in self._exports:
            msg = f"{self.name}.{name} is a port and cannot be assigned; to set a value, write {self.name}.{name} < …"
        else:
            what = "add to the graph that is copied before it is, or to the one that the copy is in"
            msg = (
                f"{self.name}.{name} cannot be assigned: {self.name} is the copy of a graph and stays as it is; {what}"
            )
        raise AttributeError(msg)

    def __dir__(self) -> list[str]:
        """Include exports and parts, for completion."""
        return [*super().__dir__(), *self._exports, *self._parts]

    def __repr__(self) -> str:
        """Show exports and parts."""
        exports = ", ".join(f"{name} ({port.label})" for name, port in self._exports.items()) or "nothing"
        parts = [name for name, part in self._parts.items() if getattr(part, "group_name", None) is None]
        return f"<subgraph {self.name} of {', '.join(parts) or 'nothing'}; exports {exports}>"
