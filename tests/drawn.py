"""Reads pictures in SVG, and checks what has to hold for all of them."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import pytest
from PIL import ImageFont

SVG = "{http://www.w3.org/2000/svg}"
FONT_SIZE = 100
FONT = ImageFont.load_default(FONT_SIZE)
STEPS = 12
LOST = 0.21
"""How far numbers with one digit after the point may be from what they were made of."""


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other):
        """Tell whether another one lies in this one, but for what is lost by rounding."""
        return (
            self.left <= other.left + LOST
            and other.right <= self.right + LOST
            and self.top <= other.top + LOST
            and other.bottom <= self.bottom + LOST
        )

    def is_apart_from(self, other):
        return (
            self.right <= other.left or other.right <= self.left or self.bottom <= other.top or other.bottom <= self.top
        )

    def is_around(self, x, y, margin=1.0):
        return self.left + margin < x < self.right - margin and self.top + margin < y < self.bottom - margin


@dataclass
class Figure:
    """A component, connector, member, export or frame."""

    kind: str
    box: Box
    texts: list[str]
    extents: list[Box]


@dataclass
class Picture:
    """What is in a picture."""

    root: ET.Element
    size: Box
    figures: dict[str, Figure] = field(default_factory=dict)
    frames: dict[str, Figure] = field(default_factory=dict)
    arrows: dict[tuple[str, str], list[list[tuple[float, float]]]] = field(default_factory=dict)

    def of_kind(self, kind):
        return {name: figure.texts for name, figure in self.figures.items() if figure.kind == kind}

    def frames_around(self, box):
        return {name for name, frame in self.frames.items() if frame.box.holds(box)}


def read(svg):
    """Read a picture; nothing in it has a name twice."""
    root = ET.fromstring(svg)  # noqa: S314  our own
    picture = Picture(root, Box(0, 0, float(root.get("width")), float(root.get("height"))))
    for element in root.iter(f"{SVG}g"):
        kind, name = element.get("class"), element.get("data-name")
        if kind == "arrow":
            ends = element.get("data-from"), element.get("data-to")
            assert ends not in picture.arrows
            picture.arrows[ends] = [_way(part) for part in re.findall(r"M[^M]*", element.find(f"{SVG}path").get("d"))]
        else:
            place = picture.frames if kind == "frame" else picture.figures
            assert name not in place
            place[name] = _figure(kind, element)
    return picture


def check(picture):
    """Check that nothing lies on anything else, that texts lie in their boxes, and that arrows lie outside of them."""
    boxes = [figure.box for figure in picture.figures.values()]
    frames = [frame.box for frame in picture.frames.values()]
    for one, other in combinations(boxes, 2):
        assert one.is_apart_from(other), (one, other)
    for one, other in combinations(frames, 2):
        assert one.is_apart_from(other) or one.holds(other) or other.holds(one), (one, other)
    for box in boxes:
        assert picture.size.holds(box)
        assert all(frame.is_apart_from(box) or frame.holds(box) for frame in frames)
    for figure in [*picture.figures.values(), *picture.frames.values()]:
        for extent, text in zip(figure.extents, figure.texts, strict=True):
            assert figure.box.holds(extent), (text, extent, figure.box)
        for one, other in combinations(figure.extents, 2):
            assert one.is_apart_from(other), figure.texts
    for (begin, end), ways in picture.arrows.items():
        _check_arrow(picture, begin, end, ways)


def _check_arrow(picture, begin, end, ways):
    source, target = (picture.figures[_owner(picture, name)].box for name in (begin, end))
    assert ways[0][0][0] == approximately(source.right)
    assert ways[-1][-1][0] == approximately(target.left)
    assert source.top < ways[0][0][1] < source.bottom
    assert target.top < ways[-1][-1][1] < target.bottom
    assert all(
        before[-1] == (approximately(after[0][0]), approximately(after[0][1])) for before, after in pairwise(ways)
    )
    others = picture.frames.keys() - picture.frames_around(source) - picture.frames_around(target)
    obstacles = [*(figure.box for figure in picture.figures.values()), *(picture.frames[name].box for name in others)]
    for x, y in (point for way in ways for point in way):
        assert picture.size.is_around(x, y, 0.0), (begin, end)
        assert not any(box.is_around(x, y) for box in obstacles), (begin, end, x, y)


def approximately(number):
    """Allow for what is lost by rounding."""
    return pytest.approx(number, abs=LOST)


def _owner(picture, name):
    """Give the figure of a port, or the figure itself."""
    return name if name in picture.figures else name.rpartition(".")[0]


def _figure(kind, element):
    x, y = map(float, re.findall(r"[-\d.]+", element.get("transform", "0 0")))
    rect = element.find(f"{SVG}rect")
    left, top, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
    box = Box(x + left, y + top, x + left + width, y + top + height)
    texts = element.findall(f"{SVG}text")
    return Figure(kind, box, [text.text or "" for text in texts], [_extent(text, x, y) for text in texts])


def _extent(text, x, y):
    """Estimate what a text covers, by a font that is at hand; a letter that is not in it has its sign of absence."""
    size = float(text.get("font-size"))
    width = FONT.getlength(text.text or "") * size / FONT_SIZE
    share = {None: 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor")]
    left, baseline = x + float(text.get("x")) - share * width, y + float(text.get("y"))
    return Box(left, baseline - 0.72 * size, left + width, baseline + 0.2 * size)


def _way(path):
    """Give points along a part of a path."""
    points = []
    for letter, numbers in re.findall(r"([MHVC])([^MHVC]*)", path):
        values = [float(number) for number in numbers.split()]
        if letter == "M":
            points.append((values[0], values[1]))
            continue
        (x, y) = points[-1]
        if letter == "H":
            curve = (x, y), (x, y), (values[0], y), (values[0], y)
        elif letter == "V":
            curve = (x, y), (x, y), (x, values[0]), (x, values[0])
        else:
            curve = (x, y), tuple(values[:2]), tuple(values[2:4]), tuple(values[4:])
        points += [_on_curve(curve, step / STEPS) for step in range(1, STEPS + 1)]
    return points


def _on_curve(curve, t):
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    return tuple(sum(weight * point[axis] for weight, point in zip(weights, curve, strict=True)) for axis in (0, 1))
