"""What crosses between workers comes out equal, of the same type, the same in structure, and leaves nothing behind."""

import array
import collections
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import gc
import marshal
import pathlib
import random
import re
import subprocess
import sys
import uuid

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from scale import SCALE

from cascata import _native

pytestmark = pytest.mark.once

often = settings(max_examples=int(100 * SCALE), deadline=None)

LARGE = 5000
"""Bytes that are not written with the rest but attached."""


@pytest.fixture(scope="module")
def loopback():
    return _native.Loopback(1 << 28)


def same(one, other):
    """Compare, types included, and NaN as equal to itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        if one.dtype.kind not in "biufc":  # numpy may have changed the order of the bytes
            other = other.astype(other.dtype.newbyteorder("="))
            one = one.astype(one.dtype.newbyteorder("="))
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    if isinstance(one, float):
        return repr(one) == repr(other)
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is dict:
        return same(list(one.items()), list(other.items()))
    return one == other


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "L"]))
    | st.binary()
    | st.integers(1, 20_000).map(lambda size: b"\x07" * size)
    | st.integers(1, 20_000).map(lambda size: "é" * size)
)
keys = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
trees = st.recursive(
    scalars,
    lambda parts: st.lists(parts) | st.lists(parts).map(tuple) | st.dictionaries(keys, parts),
    max_leaves=200,
)


@often
@given(trees)
def test_trees_of_what_is_written_directly(loopback, tree):
    assert same(loopback.transfer(tree), tree)


@often
@given(st.lists(scalars, max_size=5), st.data())
def test_containers_that_occur_twice_do_so_on_the_other_side(loopback, parts, data):
    shared = data.draw(st.sampled_from([parts, {"parts": parts}, (parts, 1)]))
    whole = data.draw(st.sampled_from([[shared, shared], (shared, [shared]), {1: shared, 2: {3: shared}}]))
    received = loopback.transfer(whole)
    assert same(received, whole)
    one, other = {
        list: lambda: received,
        tuple: lambda: (received[0], received[1][0]),
        dict: lambda: (received[1], received[2][3]),
    }[type(whole)]()
    assert one is other


@pytest.mark.parametrize("kind", [list, dict])
def test_containers_that_contain_themselves(loopback, kind):
    whole = kind()
    if kind is list:
        whole.append(whole)
        received = loopback.transfer(whole)
        assert received[0] is received
    else:
        whole["self"] = whole
        received = loopback.transfer(whole)
        assert received["self"] is received


@pytest.mark.parametrize("depth", [1, 50, 63, 64, 65, 300])
@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_any_depth(loopback, kind, depth):
    tree = 1
    for _ in range(depth):
        tree = {"in": tree} if kind is dict else kind([tree])
    assert loopback.transfer(tree) == tree


@pytest.mark.parametrize("width", [0, 1, 100, 100_000])
def test_any_width(loopback, width):
    for whole in (list(range(width)), tuple(range(width)), {number: -number for number in range(width)}):
        assert same(loopback.transfer(whole), whole)
    assert same(loopback.transfer([[]] * width), [[]] * width)
    assert same(loopback.transfer([{} for _ in range(width)]), [{} for _ in range(width)])


@pytest.mark.parametrize("bits", [0, 1, 6, 7, 8, 31, 32, 62, 63, 64, 65, 4096])
def test_integers_of_any_size(loopback, bits):
    for number in (2**bits, -(2**bits), 2**bits - 1, 1 - 2**bits):
        assert same(loopback.transfer(number), number)


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Number(int):
    pass


class Text(str):
    __slots__ = ("note",)


class Items(list):
    pass


class Table(dict):
    pass


@dataclasses.dataclass
class Record:
    name: str
    children: list


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024  the plain one is what is tested

ODD = [
    Colour.RED,
    [Colour.BLUE, Colour.RED],
    re.IGNORECASE | re.MULTILINE,
    Number(5),
    {Number(1): Text("one")},
    Items([1, 2]),
    [Table(a=1)],
    Record("one", [Record("two", [])]),
    Point(1, 2.5),
    [Point(1, 2), Point(3, 4)],
    {1, 2},
    frozenset({"a"}),
    {"nested": {"set": {1}}},
    1 + 2j,
    decimal.Decimal("1.10"),
    fractions.Fraction(1, 3),
    dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
    uuid.UUID(int=5),
    pathlib.PurePosixPath("a/b"),
    bytearray(b"changeable"),
    bytearray(LARGE),
    array.array("d", range(1000)),
    collections.OrderedDict(b=1, a=2),
    collections.deque([1, 2], maxlen=3),
    collections.Counter("abca"),
    range(5),
    slice(1, None, 2),
    ...,
    NotImplemented,
    int,
    len,
    Record,
]


@pytest.mark.parametrize("thing", ODD, ids=repr)
def test_what_goes_by_pickle(loopback, thing):
    received = loopback.transfer([thing])[0]
    assert type(received) is type(thing)
    assert received == thing


def test_exceptions(loopback):
    error = loopback.transfer(ValueError("wrong", 5))
    assert type(error) is ValueError
    assert error.args == ("wrong", 5)


def test_what_only_cloudpickle_takes(loopback):
    factor = 3

    class Local:
        def times(self, number):
            return number * factor

    assert loopback.transfer(lambda number: number * factor)(2) == 6
    assert loopback.transfer(Local().times)(3) == 9
    array = np.arange(LARGE)
    assert loopback.transfer(lambda: array)().sum() == array.sum()


# Arrays.

shapes = st_np.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=30)
kinds = (
    st_np.boolean_dtypes()
    | st_np.integer_dtypes(endianness="?")
    | st_np.unsigned_integer_dtypes(endianness="?")
    | st_np.floating_dtypes(endianness="?")
    | st_np.complex_number_dtypes(endianness="?")
    | st_np.datetime64_dtypes(endianness="=")
    | st_np.unicode_string_dtypes(endianness="?")
    | st_np.byte_string_dtypes()
    | st_np.array_dtypes()
)


@often
@given(st_np.arrays(kinds, shapes), st.data())
def test_arrays_of_any_kind_and_order(loopback, plain, data):
    arrange = data.draw(
        st.sampled_from(
            [
                lambda a: a,
                np.asfortranarray,
                lambda a: a.T,
                lambda a: a[..., ::-1] if a.ndim else a,
                lambda a: a[1:] if a.ndim else a,
                lambda a: np.repeat(a, 2, axis=0)[::2] if a.ndim else a,
            ]
        )
    )
    wrap = data.draw(st.sampled_from([lambda a: a, lambda a: [a], lambda a: {"array": a, "n": 1}, lambda a: (1, a)]))
    array = arrange(plain)
    received = loopback.transfer(wrap(array))
    for part in (received,) if isinstance(received, np.ndarray) else getattr(received, "values", lambda: received)():
        if isinstance(part, np.ndarray):
            assert same(part, array)


def test_an_array_that_occurs_twice_does_so_on_the_other_side(loopback):
    array = np.arange(LARGE)
    one, other = loopback.transfer((array, [array]))
    assert one is other[0]
    assert same(one, array)


@pytest.mark.parametrize("items", [0, 1, 100, 100_000])
@pytest.mark.parametrize("order", "CF")
def test_arrays_arrive_as_views_that_cannot_be_changed(loopback, items, order):
    array = np.arange(2 * items).reshape((items, 2), order=order)
    received = loopback.transfer(array)
    assert same(received, array)
    assert not received.flags.writeable
    assert received.flags[f"{order}_CONTIGUOUS"]
    with pytest.raises(ValueError, match="read-only"):
        received[...] = 0


def test_what_an_array_can_also_be(loopback):
    for thing in (
        np.ma.masked_array([1, 2, 3], [0, 1, 0]),
        np.array([1, "a", None], dtype=object),
        np.zeros(3, [("a", "i4"), ("b", "f8", (2,))]),
        np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]).view(np.recarray),
        np.array([1, 2], np.dtype("i4", metadata={"unit": "mm"})),
    ):
        received = loopback.transfer(thing)
        assert type(received) is type(thing)
        assert received.dtype == thing.dtype
        assert (received.dtype.metadata or {}) == (thing.dtype.metadata or {})
        assert repr(received) == repr(thing)


def test_what_lies_in_shared_memory_is_passed_on_without_a_copy(loopback):
    received = loopback.transfer(np.arange(100_000))
    before = loopback.in_use()
    again = loopback.transfer(received)
    part = loopback.transfer({"part": received[1000:90_000]})["part"]
    buffers = loopback.transfer([received[::2], received.reshape(10, -1)])
    assert loopback.in_use() < before + 600_000, "only what is not in one piece is copied"
    for one in (again, part, buffers[1]):
        assert np.shares_memory(received, one)
    assert not np.shares_memory(received, buffers[0])
    assert same(buffers[0], received[::2].copy())
    del received, again, buffers
    gc.collect()
    assert part[0] == 1000, "a part keeps the whole"


@pytest.fixture(scope="module")
def arrow():
    """Give pyarrow, after it has started the threads that it keeps."""
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"number": np.arange(50_000)})
    assert table.equals(_native.Loopback(1 << 20).transfer(table))
    return arrow


def test_arrow_tables(loopback, arrow):
    table = arrow.table({"number": np.arange(50_000), "text": [str(number) for number in range(50_000)]})
    before = loopback.in_use()
    received = loopback.transfer(table)
    assert received.equals(table)
    held = loopback.in_use()
    assert held > before
    again = loopback.transfer(received)
    assert again.equals(table)
    assert loopback.in_use() < held + 100_000


def test_nothing_is_left_when_nothing_is_used(loopback):
    gc.collect()
    before = loopback.in_use()
    for size in (10, 5000, 100_000, 5_000_000):
        kept = [loopback.transfer(thing) for thing in (np.zeros(size), b"x" * size, "x" * size, [bytearray(size)])]
        del kept
    gc.collect()
    assert loopback.in_use() == before


def test_without_room_nothing_is_kept():
    loopback = _native.Loopback(1 << 20)
    with pytest.raises(MemoryError):
        loopback.transfer([np.zeros(50_000), np.ones(100_000)])
    assert loopback.in_use() == 0
    views = collections.deque()

    def fill():
        while True:
            views.append(loopback.transfer(np.zeros(10_000)))

    with pytest.raises(MemoryError):
        fill()
    assert len(views) > 5
    views.clear()
    assert loopback.transfer(np.arange(10_000)).sum() == 49_995_000


# Nonsense.


@often
@given(st.binary(max_size=200))
def test_nonsense_is_refused(loopback, data):
    """Or means something; never more. Pickles apart, which may do anything."""
    if data[:1] == b"\x0e":
        return
    with contextlib.suppress(ValueError, TypeError, OverflowError, MemoryError):
        loopback.decode(data, [])


@often
@given(st.binary(min_size=1, max_size=50), st.integers(0, 14))
def test_nonsense_behind_any_tag_is_refused(loopback, data, tag):
    test_nonsense_is_refused.hypothesis.inner_test(loopback, bytes([tag]) + data)


def test_damaged_items_are_refused(tmp_path):
    """As above, but of what was once an item; in a process of its own, see there."""
    latest = tmp_path / "latest"
    arguments = [str(4 * SCALE), str(random.getrandbits(32)), str(latest)]
    script = pathlib.Path(__file__).with_name("fuzz_codec.py")
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    tried = latest.read_bytes() if done.returncode and latest.exists() else b""
    broke_on = repr(marshal.loads(tried))[:20_000] if tried else None  # noqa: S302  our own
    assert done.returncode == 0, f"{done.stderr}\nwith {arguments} on {broke_on}"
    assert re.fullmatch(r"tried \d{4,} decoded \d{3,}\n", done.stdout)
