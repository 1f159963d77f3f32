"""Adds to the site what lies outside of `docs`: the examples, each as a page, and the list of changes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
OUTSIDE = re.compile(r"\]\(\.\./(examples/\w+)\.py\)|\]\(\.\./(CHANGELOG)\.md\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Make the pages."""
    for file in sorted((ROOT / "examples").glob("*.py")):
        source = file.read_text()
        title = (ast.get_docstring(ast.parse(source)) or file.stem).partition(":")[0]
        page = f"# {title}\n\n`examples/{file.name}`\n\n```python\n{source}```\n"
        files.append(File.generated(config, f"examples/{file.stem}.md", content=page))
    changes = (ROOT / "CHANGELOG.md").read_text()
    files.append(File.generated(config, "CHANGELOG.md", content=changes.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Lead links that leave `docs` to these pages."""
    return OUTSIDE.sub(lambda found: f"]({found[1] or found[2]}.md)", markdown)
