"""`cascata draw`: a picture of a graph."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cascata.cli import loading, settings
from cascata.cli.ending import Refusal, ending
from cascata.cli.options import Allow, Settings, Where

if TYPE_CHECKING:
    from cascata.graph import Graph

__all__ = ["draw"]


class Format(enum.StrEnum):
    """The kinds of pictures."""

    SVG = "svg"
    DOT = "dot"
    MERMAID = "mermaid"
    MARKDOWN = "markdown"


SUFFIXES = {
    ".svg": Format.SVG,
    ".dot": Format.DOT,
    ".gv": Format.DOT,
    ".mmd": Format.MERMAID,
    ".mermaid": Format.MERMAID,
    ".md": Format.MARKDOWN,
}


def draw(
    file: Where,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Where to write it: a file that ends in .svg, .dot, .mmd or .md; without it, to standard output.",
        ),
    ] = None,
    kind: Annotated[
        Format | None,
        typer.Option(
            "--format",
            show_default=False,
            help="What to write, by default what the file's name says, or svg.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", show_default=False, help="Show where components run on so many workers."),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="PIXELS",
            show_default=False,
            help="How wide an SVG picture may be: what is wider goes on in rows below.",
        ),
    ] = None,
    values: Settings = None,
    allow: Allow = None,
) -> None:
    """Draw a graph."""
    with ending():
        kind = kind or _format(output)
        graph = loading.load(file, allow or ())
        settings.apply(graph, values or ())
        if width is not None and kind is not Format.SVG:
            msg = f"--width is for SVG pictures, and this one is {kind}; leave it out, or say --format svg"
            raise Refusal(msg)
        text = _picture(graph, kind, workers, width)
        if output is None:
            typer.echo(text, nl=False)
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"{output} cannot be written: {error.strerror}"
            raise Refusal(msg) from None


def _format(output: Path | None) -> Format:
    if output is None:
        return Format.SVG
    if output.suffix not in SUFFIXES:
        msg = f"--output {output}: end its name in one of {', '.join(SUFFIXES)}, or say what to write, as --format svg"
        raise Refusal(msg)
    return SUFFIXES[output.suffix]


def _picture(graph: "Graph", kind: Format, workers: int | None, width: int | None) -> str:
    match kind:
        case Format.SVG:
            text = graph.to_svg(num_workers=workers, width=width)
        case Format.DOT:
            try:
                text = graph.to_dot(num_workers=workers).source
            except ImportError as error:
                raise Refusal(str(error)) from None
        case Format.MERMAID:
            text = graph.to_mermaid(num_workers=workers)
        case Format.MARKDOWN:
            text = f"```mermaid\n{graph.to_mermaid(num_workers=workers).rstrip()}\n```"
    return text.rstrip("\n") + "\n"
