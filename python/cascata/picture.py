"""Pictures of graphs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cascata._native import Picture
from cascata.text import value_text

if TYPE_CHECKING:
    import graphviz

    from cascata._native import GraphCore

__all__ = ["digraph", "picture", "svg"]

# Whole numbers may be more than a float can be.
_WIDEST = 1e9
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def picture(core: GraphCore, workers: int | None) -> Picture:
    """Look at what a graph is; with a number of workers, also at where its components would run."""
    return Picture(core, _text, workers)


def svg(picture: Picture, width: object) -> str:
    """Draw a picture as an SVG document, at most so many pixels wide if a width is given."""
    if width is None:
        return picture.svg()
    mend = "give a number of pixels above 0, as width=800, or leave it out"
    if isinstance(width, bool) or not isinstance(width, int | float):
        msg = f"graph.to_svg(width={value_text(width)}): a width is a number; {mend}"
        raise TypeError(msg)
    if not width > 0:
        msg = f"graph.to_svg(width={value_text(width)}): {mend}"
        raise ValueError(msg)
    return picture.svg(float(min(width, _WIDEST)))


def digraph(picture: Picture) -> graphviz.Digraph:
    """Make a graph of the package graphviz.

    Raises:
        ImportError: If the package is not there.

    """
    try:
        import graphviz
    except ModuleNotFoundError as error:
        if error.name != "graphviz":
            raise
        what = "graph.to_dot() needs the Python package graphviz: pip install graphviz"
        msg = f"{what}. graph.to_svg() and graph.to_mermaid() need nothing"
        raise ImportError(msg, name="graphviz") from None
    attributes, body = picture.dot()
    given = {f"{kind}_attr": dict(values) for kind, values in attributes}
    return graphviz.Digraph(body=[f"{line}\n" for line in body], **given)


def _text(value: object) -> str:
    """Write a value in a way that is the same in every run: functions and classes by name, nothing by its address."""
    name = getattr(value, "__qualname__", None) if callable(value) else None
    text = name.rpartition("<locals>.")[2] if isinstance(name, str) else _ADDRESS.sub("", value_text(value))
    return text.encode("utf-8", "replace").decode()
