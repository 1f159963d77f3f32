"""Makes Markdown of docstrings: their doctests become blocks of code, and `::` before indented text goes."""

from __future__ import annotations

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
LITERAL = re.compile(r"::$", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite that of a module, class or function."""
        if obj.docstring:
            text = DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)
            obj.docstring.value = LITERAL.sub(lambda found: ":" if _follows_text(found) else "", text)


def _follows_text(found: re.Match[str]) -> bool:
    """Tell whether the colons end a sentence, rather than stand alone."""
    before = found.string[: found.start()]
    return bool(before) and not before.endswith("\n")
