"""A contact sheet: the pictures of some folders on one page, decoded and scaled on all cores.

::

    python examples/contact_sheet.py                        pictures that are installed on this machine
    python examples/contact_sheet.py ~/Pictures             your own
    python examples/contact_sheet.py ~/Pictures --limit 200 --columns 12 --size 120 -o holidays.png

It needs numpy and Pillow: ``pip install numpy pillow``.

The graph::

                         ┌──▶ decode_left ───┐
    folders ──▶ find ────┤                   ├──▶ scale ──▶ sharpen ──▶ sheet ──▶ Summary
                         └──▶ decode_right ──┘                            ▲
                                    └────────────── unreadable ───────────┘

A decoder puts its pixels into an array that `cascata.empty` has made in shared memory. Whoever is behind it, in any
worker, looks at these same pixels, read-only, and makes a new array of what it computes from them. `sheet` gathers the
thumbnails and lays them out in the order of their paths, so the file is the same with any number of workers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import sysconfig
import textwrap
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from cascata import Graph, component, empty, inport, outport, persist

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from cascata.run import Report

# What the components are told and tell each other. Pixels lie in shared memory; the rest is small.


@dataclass(frozen=True, slots=True)
class Plan:
    """What the sheet is to show, and how: thumbnails of at most `side` by `side` pixels."""

    folders: Sequence[Path]
    output: Path
    side: int = 160
    columns: int = 8
    limit: int = 48
    spare: Path | None = None
    """Where to paint pictures, should there be few."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture on its way to the sheet. All but the pixels tells of its file."""

    path: Path
    kind: str
    width: int
    height: int
    size: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that cannot be decoded, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Search:
    """How many picture files there are, and how many were painted because there are so few."""

    found: int
    painted: int


@dataclass(slots=True)
class Album:
    """What has come for a sheet so far."""

    plan: Plan
    pictures: list[Picture] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is on the sheet: how many pictures of each kind, their pixels and bytes; and how large it is."""

    kinds: Counter[str]
    pixels: int
    size: int
    unreadable: list[Unreadable]
    sheet: tuple[int, int] | None


# The components and their graph.


@component
@inport("plan")
@outport("left")
@outport("right")
@outport("search")
async def find(plan: Plan, left: Path, right: Path, search: Search) -> None:
    """Share out the largest pictures in the folders; if there are few, paint some more."""
    files = picture_files(plan.folders, apart=plan.output)
    found = len(files)
    if plan.spare:
        files += paint(plan.spare, max(0, ENOUGH - found))
    await search.send(Search(found, len(files) - found))
    todo = iter(files[: plan.limit])

    async def feed(port: Any) -> None:
        for file in todo:  # the iterator is shared, and a send waits for room: who decodes faster gets more files
            await port.send(file)

    async with asyncio.TaskGroup() as feeding:
        feeding.create_task(feed(left))
        feeding.create_task(feed(right))


@component
@inport("file", capacity=2)
@inport("side")
@outport("picture")
@outport("unreadable")
async def decode(file: Path, side: int, picture: Picture, unreadable: Unreadable) -> None:
    """Read a picture of any kind."""
    try:
        decoded = read(file, side)
    except Exception as error:  # noqa: BLE001  decoders raise what they like, given a broken file
        await unreadable.send(Unreadable(file, reason(error)))
    else:
        await picture.send(decoded)


@component
@inport("picture", capacity=2)  # each is large
@inport("side")
@outport("thumbnail")
async def scale(picture: Picture, side: int, thumbnail: Picture) -> None:
    """Make a picture fit into a square; small ones stay as they are."""
    image = Image.fromarray(picture.pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    await thumbnail.send(replace(picture, pixels=shared(image)))


@component
@inport("picture")
@outport("sharper")
async def sharpen(picture: Picture, sharper: Picture) -> None:
    """Bring back the edges that scaling has softened."""
    await sharper.send(replace(picture, pixels=sharpened(picture.pixels)))


@component
@inport("entry", capacity=100)
@outport("summary")
@persist("album", Album)
async def sheet(entry: Picture | Unreadable, summary: Summary, album: Album) -> None:
    """Gather the thumbnails, and the files that gave none."""
    gathered = album.get()
    (gathered.pictures if isinstance(entry, Picture) else gathered.unreadable).append(entry)


@sheet.finish
async def write(summary: Summary, album: Album) -> None:
    """Put them in order, write the sheet and sum up."""
    gathered = album.get()
    pictures = sorted(gathered.pictures, key=lambda picture: picture.path)
    page = draw(pictures, gathered.plan.side, gathered.plan.columns) if pictures else None
    if page:
        page.save(gathered.plan.output, "PNG")
    await summary.send(
        Summary(
            kinds=Counter(picture.kind for picture in pictures),
            pixels=sum(picture.width * picture.height for picture in pictures),
            size=sum(picture.size for picture in pictures),
            unreadable=sorted(gathered.unreadable, key=lambda entry: entry.path),
            sheet=page.size if page else None,
        )
    )


def sheet_graph(plan: Plan) -> Graph:
    """Build the graph that makes a sheet."""
    graph = Graph()
    graph.find = find
    graph.decode_left = decode
    graph.decode_right = decode
    graph.scale = scale
    graph.sharpen = sharpen
    graph.sheet = sheet

    graph.find.plan < plan
    graph.scale.side < plan.side
    graph.sheet.album < plan  # what `Album` is called with
    for decoder in (graph.decode_left, graph.decode_right):
        decoder.side < plan.side
        decoder.picture >> graph.scale.picture
        decoder.unreadable >> graph.sheet.entry
        graph.weigh(decoder, cost=4)  # where there are workers enough, they have one each
    graph.find.left >> graph.decode_left.file
    graph.find.right >> graph.decode_right.file
    graph.scale.thumbnail >> graph.sharpen.picture
    graph.sharpen.sharper >> graph.sheet.entry
    return graph


# Finding, reading and sharpening pictures: plain functions that know nothing of graphs.

SUFFIXES = (".avif", ".bmp", ".gif", ".ico", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tga", ".tif", ".tiff", ".webp")

MOST_PIXELS = 64_000_000
"""Pictures that have more are not decoded, as each pixel takes some bytes of memory."""

LYING = {5, 6, 7, 8}
"""Orientations of pictures that were taken with the camera on its side."""

WHITE = "#ffffff"


def picture_files(folders: Iterable[Path], apart: Path | None = None) -> list[Path]:
    """Find the picture files below the folders, the largest first; those with several names once."""
    found: dict[tuple[int, int], tuple[int, Path]] = {}
    for top in folders:
        for folder, inner, names in os.walk(top):
            inner.sort()
            for file in (Path(folder, name) for name in sorted(names) if name.lower().endswith(SUFFIXES)):
                with suppress(OSError):  # gone by now, behind a dangling link or in a closed folder
                    status = file.stat()
                    if S_ISREG(status.st_mode) and file != apart:
                        found.setdefault((status.st_dev, status.st_ino), (-status.st_size, file))
    return [file for _, file in sorted(found.values())]


def read(file: Path, side: int) -> Picture:
    """Decode a picture, of an animation the first frame. JPEG may come out smaller, but not below twice the `side`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as those about doubtful metadata
        with Image.open(file) as image:
            width, height = image.size
            image.draft(None, (2 * side, 2 * side))
            if image.width * image.height > MOST_PIXELS:
                msg = f"{width:,} x {height:,} pixels are too many"
                raise ValueError(msg)
            if image.getexif().get(ExifTags.Base.Orientation) in LYING:
                width, height = height, width
            upright = rgb(ImageOps.exif_transpose(image))
            return Picture(file, image.format or "?", width, height, file.stat().st_size, shared(upright))


def rgb(image: Image.Image) -> Image.Image:
    """Convert a picture; what is transparent becomes white."""
    if image.mode.startswith(("I", "F")):  # 16 bits and more, of any range: stretched to what can be seen
        values = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0, neginf=0)
        values -= values.min()
        image = Image.fromarray((values * (255 / (values.max() or 1))).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return image.convert("RGB")


def shared(image: Image.Image) -> NDArray[np.uint8]:
    """Put the pixels into an array in shared memory, which is not copied on its way to another worker."""
    pixels = empty((image.height, image.width, 3), "uint8")
    pixels[:] = image
    return pixels


def reason(error: Exception) -> str:
    """Say why a file cannot be read."""
    if isinstance(error, UnidentifiedImageError):  # whose message is little more than the path
        return "no picture, or of a kind that Pillow does not know"
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def sharpened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Move every pixel away from the mean of its four neighbours, by half its distance."""
    padded = np.pad(pixels.astype(np.int16), ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    sharper = padded[1:-1, 1:-1] * 3 // 2 - around // 8
    return np.clip(sharper, 0, 255, out=empty(pixels.shape, "uint8"), casting="unsafe")


# Painting pictures, for machines that have none.

ENOUGH = 24
"""As many pictures make a sheet worth looking at."""


def paint(folder: Path, count: int) -> list[Path]:
    """Paint pictures of different kinds and sizes, the same ones every time."""
    random = np.random.default_rng(1839)
    files = []
    for number in range(count):
        width, height = (int(length) for length in random.integers(160, 900, 2))
        draw_one, suffix = PAINTERS[number % len(PAINTERS)]
        files.append(folder / f"{draw_one.__name__}_{number + 1:02}{suffix}")
        draw_one(random, width, height).save(files[-1])
    return files


def gradient(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Paint four colours, one in each corner."""
    corners = Image.fromarray(random.integers(0, 256, (2, 2, 3), np.uint8))
    return corners.resize((width, height), Image.Resampling.BILINEAR, box=(0.5, 0.5, 1.5, 1.5))


def noise(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Paint clouds, from coarse to fine."""
    sky = np.zeros((height, width))
    for cells in (3, 6, 12, 24, 48):
        grid = Image.fromarray(random.random((cells, cells), np.float32))
        sky += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) / cells
    return ImageOps.colorize(rgb(Image.fromarray(sky)).convert("L"), "#2b5c9e", "#fffaf0")


def shapes(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Paint discs on a transparent ground."""
    image = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(image, "RGBA")
    for x, y in random.integers(0, (width, height), (40, 2)):
        pen.circle((x, y), float(random.integers(10, 90)), fill=(*map(int, random.integers(40, 256, 3)), 200))
    return image


def text(random: np.random.Generator, width: int, height: int) -> Image.Image:
    """Paint letters, with a palette."""
    image = Image.new("P", (width, height), 0)
    image.putpalette([30, 30, 36, 240, 200, 80, 235, 94, 85, 90, 180, 190])
    pen = ImageDraw.Draw(image)
    for x, y in random.integers(-30, (width, height), (60, 2)):
        letter = chr(random.integers(ord("A"), ord("Z") + 1))
        pen.text((x, y), letter, int(random.integers(1, 4)), ImageFont.load_default(int(random.integers(30, 120))))
    return image


PAINTERS = ((gradient, ".jpg"), (shapes, ".png"), (noise, ".webp"), (text, ".gif"))


# The sheet.

GROUND, LINE, INK, FAINT = "#f3f2ee", "#dedcd5", "#26241f", "#8a877e"
MARGIN, GAP, PADDING, HEADER, CAPTION = 32, 14, 8, 64, 44


def draw(pictures: Sequence[Picture], side: int, columns: int) -> Image.Image:
    """Lay out thumbnails in rows, each in the middle of a card and with a caption below."""
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    card = side + 2 * PADDING
    page = Image.new(
        "RGB",
        (2 * MARGIN - GAP + columns * (card + GAP), MARGIN + HEADER + rows * (card + CAPTION) + MARGIN // 2),
        GROUND,
    )
    pen = ImageDraw.Draw(page)
    title, plain, small = (ImageFont.load_default(points) for points in (26, 13, 11))
    pen.text((MARGIN, MARGIN - 8), "Contact sheet", INK, title)
    pen.text((MARGIN + 1, MARGIN + 26), f"Pictures: {len(pictures):,}", FAINT, plain)
    for number, picture in enumerate(pictures):
        x = MARGIN + number % columns * (card + GAP)
        y = MARGIN + HEADER + number // columns * (card + CAPTION)
        pen.rounded_rectangle((x, y, x + card - 1, y + card - 1), radius=6, fill=WHITE, outline=LINE)
        height, width, _ = picture.pixels.shape
        page.paste(Image.fromarray(picture.pixels), (x + (card - width) // 2, y + (card - height) // 2))
        pen.text((x + 2, y + card + 4), fitted(printable(picture.path.name), plain, card - 4), INK, plain)
        size = f"{picture.width:,} x {picture.height:,}  {picture.kind}"
        pen.text((x + 2, y + card + 20), fitted(size, small, card - 4), FAINT, small)
    return page


def fitted(line: str, font: Any, width: float) -> str:
    """Drop the middle of a line that is too long: the ends of names tell more."""
    keep = len(line)
    short = line
    while keep and font.getlength(short) > width:
        keep -= 1
        short = f"{line[: keep - keep // 2]}…{line[len(line) - keep // 2 :]}"
    return short


def printable(name: object) -> str:
    """Replace what no font has: line ends and the like, and bytes of a name that are no text."""
    return "".join(character if character.isprintable() else "?" for character in str(name))


# The printed summary.

WIDTH = 100


def summary_text(plan: Plan, summary: Summary, search: Search) -> Iterator[str]:
    """Write what there was and what became of it, line by line."""
    shown, unreadable = summary.kinds.total(), len(summary.unreadable)
    yield "Contact sheet"
    yield "─" * WIDTH
    painted = f", and {search.painted:,} painted for the purpose" if search.painted else ""
    largest = f", the {plan.limit:,} largest taken" if plan.limit < search.found else ""
    yield f"  found       {search.found:,} picture files{largest}{painted}"
    if unreadable:
        yield f"  unreadable  {unreadable:,}"
        for entry in summary.unreadable:
            text = printable(f"{entry.path.name}: {entry.reason}")
            yield f"              {textwrap.shorten(text, WIDTH - 14, placeholder=' …')}"
    if summary.sheet is None:
        yield "  shown       none, so no sheet has been written"
        return
    kinds = " · ".join(f"{number:,} {kind}" for kind, number in sorted(summary.kinds.items()))
    yield f"  shown       {shown:,} ({kinds})"
    yield f"  decoded     {summary.pixels / 1e6:,.1f} megapixels from {summary.size / 1e3:,.0f} kB"
    yield "  sheet       {:,} x {:,} pixels, {}".format(*summary.sheet, printable(plan.output))


# The program.


def installed() -> list[Path]:
    """Name the folders in which a machine has pictures of its own."""
    names = {sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")} | {"/usr/share"}
    return [Path(name) for name in sorted(names)]


def make_sheet(plan: Plan, workers: int | None) -> tuple[Summary, Search, Report]:
    """Run the graph; what there is to tell comes out of its loose ends."""
    graph = sheet_graph(plan)
    report = graph.run(num_workers=workers, collect=[graph.sheet.summary, graph.find.search])
    (summary,) = report.collected["sheet.summary"]
    (search,) = report.collected["find.search"]
    return summary, search, report


def main() -> int:
    """Read the command line, make the sheet and tell what is on it, and how the run went."""
    options = argparse.ArgumentParser(description="Put the pictures of some folders on one sheet, on all cores.")
    options.add_argument("folders", type=Path, nargs="*", help="by default those of what is installed here")
    options.add_argument("--workers", type=int, help="worker processes; by default as many as there are CPUs")
    options.add_argument("--size", type=int, default=160, help="width and height of a thumbnail")
    options.add_argument("--columns", type=int, default=8, help="how many stand side by side")
    options.add_argument("--limit", type=int, default=48, help="show at most so many, the largest files")
    options.add_argument("-o", "--output", type=Path, default="contact_sheet.png", help="the PNG file to write")
    given = options.parse_args()
    for folder in given.folders:
        if not folder.is_dir():
            options.error(f"{printable(folder)}: there is no such folder")
    if given.size < 16 or given.columns < 1 or given.limit < 1 or (given.workers or 0) < 0:  # noqa: PLR2004
        options.error("--size is 16 or more, --columns and --limit 1 or more, --workers 0 or more")
    output = given.output.resolve()
    if output.is_dir() or not os.access(output if output.exists() else output.parent, os.W_OK):
        options.error(f"--output {printable(given.output)}: no file can be written there")
    folders = [folder.resolve() for folder in given.folders]
    with TemporaryDirectory() as spare:
        plan = Plan(
            folders=folders or installed(),
            output=output,
            side=given.size,
            columns=given.columns,
            limit=given.limit,
            spare=None if folders else Path(spare),
        )
        summary, search, report = make_sheet(plan, given.workers)
    sys.stdout.reconfigure(errors="replace")  # a terminal may lack the characters of a line
    print(*summary_text(plan, summary, search), "", "The run", "─" * WIDTH, report, sep="\n")
    return 0 if summary.sheet else 1


if __name__ == "__main__":
    sys.exit(main())
