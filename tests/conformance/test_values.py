"""Anything that can be pickled is an item, `None` and what is false included."""

import asyncio
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import gc
import math
import operator
import pathlib
import pickle
import threading
import types
import uuid
import weakref

import numpy as np
import pytest
from parts import Numbers, chain, emit, relay

from cascata import Graph, ItemError, component, inport, outport
from cascata.errors import ComponentError


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024  untyped ones travel, too


@dataclasses.dataclass
class Record:
    name: str
    values: list


class Slots:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    def __repr__(self):
        return f"Slots({self.value})"

    __hash__ = None


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


class Octets(bytes):
    pass


VALUES = {
    "none": None,
    "false": False,
    "true": True,
    "zero": 0,
    "minus_one": -1,
    "largest_word": 2**63 - 1,
    "beyond_a_word": 2**63,
    "smallest_word": -(2**63),
    "below_a_word": -(2**63) - 1,
    "huge": 7**5000,
    "float": 0.1,
    "minus_zero": -0.0,
    "infinity": math.inf,
    "complex": 1 - 2j,
    "empty_text": "",
    "text": "größer €😀\0x",
    "lone_surrogate": "\ud800",
    "text_of_64_kib": "x" * 65536,
    "text_above_64_kib": "ü" * 65537,
    "empty_bytes": b"",
    "bytes": bytes(range(256)),
    "bytearray": bytearray(b"abc"),
    "empty_tuple": (),
    "empty_list": [],
    "empty_dict": {},
    "empty_set": set(),
    "nested": {"a": [1, (2, {"b": {3}})], ("k", 1): [[[[]]]], None: None},
    "deep": functools.reduce(lambda inner, _: [inner], range(200), []),
    "dict_in_order": dict.fromkeys("zyxabc"),
    "frozenset": frozenset({1, 2}),
    "ellipsis": ...,
    "not_implemented": NotImplemented,
    "range": range(1, 10, 2),
    "slice": slice(1, None, 2),
    "enum": Colour.RED,
    "int_enum": Level.HIGH,
    "namedtuple": Point(1, [2]),
    "dataclass": Record("r", [1, None]),
    "slots": Slots({"a": 1}),
    "str_subclass": Text("text"),
    "int_subclass": Whole(5),
    "float_subclass": Real(5.5),
    "bytes_subclass": Octets(b"abc"),
    "class": Record,
    "function": math.sqrt,
    "partial": functools.partial(operator.add, 1),
    "date": dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC),
    "decimal": decimal.Decimal("0.10"),
    "fraction": fractions.Fraction(1, 3),
    "path": pathlib.PurePosixPath("/a/b"),
    "uuid": uuid.UUID(int=7),
    "deque": collections.deque([1, 2], maxlen=3),
    "counter": collections.Counter("aab"),
    "ordered": collections.OrderedDict(b=1, a=2),
    "namespace": types.SimpleNamespace(a=1),
    "exception": KeyError("key"),
    "type": int,
    "generic": list[int],
    "memory_order": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "array": np.arange(10),
    "array_of_nothing": np.zeros((0, 3)),
    "scalar_array": np.float32(1.5),
    "large_array": np.arange(200_000),
    "structured": np.zeros(3, dtype=[("a", "i4"), ("b", "U3")]),
    "objects": np.array([None, "a", 1], dtype=object),
}


def same(left, right):
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.shape == right.shape and bool((left == right).all())
    if isinstance(left, BaseException | functools.partial):
        return repr(left) == repr(right)
    if isinstance(left, float):
        return left.hex() == right.hex()
    return repr(left) == repr(right) and left == right


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_arrives_as_it_was_sent(run, value):
    @component
    @inport("item")
    async def check(item):
        assert same(item, value)

    g = chain(emit(value, value), relay(), check)
    report = run(g, collect=[g.c1.out])
    assert report.components["c2"].firings == 2
    assert all(same(item, value) for item in report.collected["c1.out"])
    assert len(report.collected["c1.out"]) == 2


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_may_be_initial(run, value):
    @component
    @inport("item")
    @inport("fixed")
    async def check(item, fixed):
        assert same(item, value)
        assert same(fixed, value)

    g = Graph()
    g.empty = emit()
    g.check = check
    g.empty.out >> g.check.item
    g.check.item < value
    g.check.fixed < value
    assert run(g).components["check"].firings == 1


def test_not_a_number_arrives(run):
    g = chain(emit(math.nan), relay())
    assert math.isnan(run(g, collect=[g.c1.out]).collected["c1.out"][0])


def test_twenty_megabytes(run):
    data = bytes(range(256)) * (20 * 4096)

    @component
    @inport("item", capacity=2)
    @outport("out")
    async def check(item, out):
        assert item == data
        await out.send(len(item))

    g = chain(emit(data, data, data), check)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [len(data)] * 3


def test_many_large_items_need_no_more_memory_than_fits_into_the_channel(run_apart):
    """Far more in sum than any span of shared memory that a run could want."""
    number, size = 400, 1 << 20

    @component
    @outport("out")
    async def large(out):
        for item in range(number):
            await out.send(bytes([item % 256]) * size)

    @component
    @inport("item", capacity=3)
    @outport("out")
    async def check(item, out):
        assert len(item) == size
        await out.send(item[0])

    g = chain(large, check)
    assert run_apart(g, collect=[g.c1.out]).collected["c1.out"] == [item % 256 for item in range(number)]


def test_items_of_all_sizes_around_the_limits(run):
    sizes = sorted({max(0, (1 << power) + step) for power in range(18) for step in (-9, -1, 0, 1, 9)})
    g = chain(emit(*(b"x" * size for size in sizes)), relay(capacity=2), relay())
    assert [len(item) for item in run(g, collect=[g.c2.out]).collected["c2.out"]] == sizes


def test_a_lambda_and_a_local_class(run):
    class Local:
        def __init__(self, value):
            self.value = value

    factor = 3

    @component
    @inport("item")
    @outport("out")
    async def use(item, out):
        function, instance, kind = item
        await out.send((function(2), instance.value, kind(5).value))

    g = chain(emit((lambda x: factor * x, Local([1]), Local)), use)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [(6, [1], 5)]


def test_a_definition_and_an_instance(run):
    factor = 3

    @component
    @inport("x")
    @outport("y")
    async def multiply(x, y):
        await y.send(factor * x)

    @component
    @inport("item")
    @outport("out")
    async def name(item, out):
        await out.send((item.__name__, item("another").name, list(item("another").ports)))

    g = chain(emit(multiply, multiply("one")), name)
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [("multiply", "another", ["x", "y"])] * 2


def test_a_lambda_is_collected(run):
    g = chain(emit(lambda x: x + 1), relay())
    assert run(g, collect=[g.c1.out]).collected["c1.out"][0](1) == 2


def test_an_item_that_refers_to_itself(run):
    item = [1]
    item.append(item)
    g = chain(emit(item), relay())
    got = run(g, collect=[g.c1.out]).collected["c1.out"][0]
    assert got[0] == 1
    assert got[1] is got


def test_inside_a_worker_items_pass_by_reference(run_together):
    kept = []

    @component
    @outport("out")
    async def sender(out):
        for _ in range(20):
            kept.append(object())
            await out.send(kept[-1])

    @component
    @inport("item", capacity=2)
    @outport("out")
    async def passes(item, out):
        await out.send(item)

    @component
    @inport("item", capacity=2)
    @outport("out")
    async def checks(item, out):
        assert item is kept.pop(0)
        await out.send("same")

    g = chain(sender, passes, checks)
    assert run_together(g, collect=[g.c2.out]).collected["c2.out"] == ["same"] * 20


def test_inside_a_worker_all_consumers_get_the_same_object(run_together):
    item = []

    @component
    @inport("item")
    @outport("out")
    async def identify(item, out):
        await out.send(id(item))

    g = Graph()
    g.source = emit(item)
    g.one = identify
    g.two = identify
    g.source.out >> g.one.item >> g.two.item
    collected = run_together(g, collect=[g.one.out, g.two.out]).collected
    assert collected["one.out"] == collected["two.out"] == [id(item)]


def test_between_workers_a_copy_is_made(run_apart):
    @component
    @outport("out")
    async def sender(out):
        item = []
        for number in range(5):
            item.append(number)
            await out.send(item)

    g = chain(sender, relay(capacity=1))
    assert run_apart(g, collect=[g.c1.out]).collected["c1.out"] == [list(range(n + 1)) for n in range(5)]


def test_a_waiting_item_is_copied_when_it_is_sent(run_apart):
    numbers = Numbers()

    @component
    @outport("out")
    async def sender(out):
        item = []
        waiting = []
        for number in range(5):
            item.append(number)
            waiting.append(out.send(item))
        item.append("later")
        numbers[0] = 1
        for send in waiting:
            await send

    @component
    @inport("item", capacity=1)
    @outport("out")
    async def late(item, out):
        await numbers.wait(0, 1)
        await out.send(item)

    g = chain(sender, late)
    assert run_apart(g, collect=[g.c1.out]).collected["c1.out"] == [list(range(n + 1)) for n in range(5)]


def test_of_one_item_neighbours_get_the_object_and_others_a_copy():
    @component
    @outport("out")
    async def sender(out):
        sent.append([1])
        await out.send(sent[0])

    sent = []

    @component
    @inport("item")
    @outport("same")
    async def compare(item, same):
        await same.send(bool(sent) and item is sent[0])

    g = Graph()
    g.sender = sender
    g.near = compare
    g.far = compare
    g.sender.out >> g.far.item >> g.near.item
    g.place(g.sender, g.near, worker=0)
    g.place(g.far, worker=1)
    collected = g.run(num_workers=2, collect=[g.near.same, g.far.same]).collected
    assert collected == {"near.same": [True], "far.same": [False]}


def test_of_two_senders_the_neighbour_passes_the_object_and_the_other_a_copy():
    own = [0]

    @component
    @outport("out")
    async def sender(out):
        for _ in range(20):
            await out.send(own)

    @component
    @inport("item", capacity=3)
    @outport("same")
    async def compare(item, same):
        assert item == own
        await same.send(item is own)

    g = Graph()
    g.near = sender
    g.far = sender
    g.compare = compare
    g.near.out >> g.compare.item
    g.far.out >> g.compare.item
    g.place(g.near, g.compare, worker=0)
    g.place(g.far, worker=1)
    same = g.run(num_workers=2, collect=[g.compare.same]).collected["compare.same"]
    assert sorted(same) == [False] * 20 + [True] * 20


class Tracked:
    """Counts how many of it there are, in every process that has it."""

    alive = 0

    def __init__(self):
        Tracked.alive += 1

    def __setstate__(self, state):
        Tracked.alive += 1

    def __reduce__(self):
        return object.__new__, (Tracked,), {}

    def __del__(self):
        Tracked.alive -= 1


@pytest.fixture
def none_alive():
    """Look for objects that are kept alive by what a test has done."""
    gc.collect()
    assert Tracked.alive == 0
    yield
    gc.collect()
    assert Tracked.alive == 0


@pytest.mark.usefixtures("none_alive")
def test_an_item_is_let_go_when_its_firing_ends(run):
    @component
    @outport("out")
    async def sender(out):
        for _ in range(50):
            await out.send(Tracked())

    @component
    @inport("item", capacity=2)
    @outport("out")
    async def count(item, out):
        await out.send(Tracked.alive)

    g = chain(sender, count)
    alive = run(g, collect=[g.c1.out]).collected["c1.out"]
    assert max(alive) <= 5  # two inside, one in the firing, one that waits, and the one being made


@pytest.mark.usefixtures("none_alive")
def test_items_that_are_discarded_are_let_go(run):
    @component
    @outport("out")
    async def sender(out):
        for _ in range(50):
            await out.send(Tracked())

    @component
    @inport("item", capacity=5)
    @inport("once")
    @outport("out")
    async def short(item, once, out): ...

    @component
    @inport("item")
    @outport("out")
    async def count(item, out): ...

    @count.finish
    async def _(out):
        await out.send(Tracked.alive)

    g = Graph()
    g.sender = sender
    g.one = emit(None)
    g.short = short
    g.count = count
    g.sender.out >> g.short.item
    g.one.out >> g.short.once
    g.short.out >> g.count.item
    run(g)


@pytest.mark.usefixtures("none_alive")
def test_items_of_cancelled_and_forgotten_sends_are_let_go(run_together):
    gate = asyncio.Event()

    @component
    @outport("out")
    async def sender(out):
        await out.send(None)
        await out.send(None)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(out.send(Tracked()), 0.002)
        with pytest.warns(RuntimeWarning, match="never awaited"):
            out.send(Tracked())
        gc.collect()
        assert Tracked.alive == 0
        gate.set()

    @component
    @inport("item", capacity=1)
    async def waits(item):
        await gate.wait()

    run_together(chain(sender, waits))


@pytest.mark.usefixtures("none_alive")
def test_constants_tokens_and_latest_values_are_let_go(run):
    @component
    @inport("item")
    @inport("level")
    @inport("constant")
    async def look(item, level, constant): ...

    def build():
        g = Graph()
        g.source = emit(1, 2, 3)
        g.levels = emit(4, 5)
        g.look = look
        g.source.out >> g.look.item
        g.levels.out >> g.look.level
        for port in (g.look.item, g.look.level, g.look.constant):
            port < Tracked()
        g.look.sync(g.look.item)
        return g

    run(build())


def test_a_graph_and_its_run_are_let_go(run_here):
    @component
    @outport("out")
    async def sender(out):
        await out.send(1)

    def build_and_run():
        g = chain(sender, relay())
        report = run_here(g, collect=[g.c1.out])
        return weakref.ref(g), weakref.ref(g.c1), weakref.ref(report)

    refs = build_and_run()
    gc.collect()
    assert [ref() for ref in refs] == [None] * 3


def test_an_item_whose_deletion_fails_harms_nobody(run):
    class Bad:
        def __del__(self):
            Numbers()  # any code

    @component
    @outport("out")
    async def sender(out):
        for _ in range(20):
            await out.send(Bad())

    g = chain(sender, relay(capacity=1), relay(capacity=1))
    assert run(g).components["c2"].firings == 20


UNSENDABLE = {
    "lock": threading.Lock,
    "generator": lambda: (number for number in range(3)),
    "coroutine_state": lambda: {"deep": [iter(()), threading.Condition()]},
}


@pytest.mark.parametrize("make", UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_cannot_be_pickled_still_passes_inside_a_worker(run_together, make):
    @component
    @outport("out")
    async def sender(out):
        await out.send(make())

    g = chain(sender, relay(), relay())
    assert run_together(g).components["c2"].firings == 1


@pytest.mark.parametrize("make", UNSENDABLE.values(), ids=UNSENDABLE)
def test_an_item_that_cannot_be_sent_raises_in_the_sender_and_leaves_the_channel_as_it_was(run_apart, make):
    @component
    @outport("out")
    async def sender(out):
        await out.send("before")
        item = make()
        with pytest.raises(ItemError, match=r"c0\.out") as raised:
            await out.send(item)
        assert type(item).__name__ in str(raised.value)
        with pytest.raises(ItemError):
            await asyncio.create_task(as_coroutine(out, item))
        await out.send("after")

    async def as_coroutine(out, item):
        await out.send(item)

    g = chain(sender, relay(capacity=1))
    report = run_apart(g, collect=[g.c1.out])
    assert report.collected["c1.out"] == ["before", "after"]
    assert report.components["c0"].outports["out"].sent == 2


def test_an_item_that_cannot_be_sent_reaches_no_port_at_all():
    @component
    @outport("out")
    async def sender(out):
        with pytest.raises(ItemError):
            await out.send(threading.Lock())
        await out.send("after")

    g = Graph()
    g.sender = sender
    g.near = relay()
    g.far = relay()
    g.sender.out >> g.near.item >> g.far.item
    g.place(g.sender, g.near, worker=0)
    g.place(g.far, worker=1)
    collected = g.run(num_workers=2, collect=[g.near.out, g.far.out]).collected
    assert collected == {"near.out": ["after"], "far.out": ["after"]}


def test_an_item_whose_pickling_fails_gives_its_own_error_as_the_cause(run_apart):
    class Stubborn:
        def __reduce__(self):
            msg = "not me"
            raise ZeroDivisionError(msg)

    @component
    @outport("out")
    async def sender(out):
        with pytest.raises(ItemError, match="not me") as raised:
            await out.send(Stubborn())
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
        assert isinstance(raised.value, TypeError)

    run_apart(chain(sender, relay()))


class Undecodable:
    def __reduce__(self):
        return int, ("not a number",)


def test_an_item_that_cannot_be_decoded_raises_at_the_receiving_port(run_apart):
    with pytest.raises(ComponentError) as raised:
        run_apart(chain(emit(Undecodable()), relay()))
    assert raised.value.component == "c1"
    assert isinstance(raised.value.__cause__, ValueError)
    assert raised.value.__cause__.__notes__ == ["an item could not be restored at the inport c1.item"]
    assert "at the inport c1.item" in str(raised.value)


def test_an_item_that_cannot_be_decoded_raises_at_a_passive_port(run_apart):
    @component
    @outport("odd")
    @outport("out")
    async def sender(odd, out):
        await odd.send(Undecodable())
        await out.send(1)

    @component
    @inport("item")
    @inport("passive")
    async def look(item, passive):
        pass

    g = chain(sender, look)
    g.c0.odd >> g.c1.passive
    g.c1.sync(g.c1.item)
    with pytest.raises(ComponentError, match=r"at the inport c1\.passive"):
        run_apart(g)


def test_an_unsendable_item_that_is_collected_raises_in_the_sender():
    @component
    @outport("out")
    async def sender(out):
        await out.send("before")
        with pytest.raises(ItemError, match=r"c0\.out"):
            await out.send(threading.Lock())
        await out.send("after")

    g = chain(sender)
    assert g.run(num_workers=1, collect=[g.c0.out]).collected["c0.out"] == ["before", "after"]


def test_pickling_happens_once_for_all_receivers(run_apart):
    counter = Numbers()

    class Counting:
        def __reduce__(self):
            counter[0] += 1
            return str, ("copy",)

    g = Graph()
    g.source = emit(Counting())
    g.near = relay()
    for name in ("one", "two", "three"):
        g.source.out >> g.add(name, relay()).item
    g.place(g.source, g.near, worker=0)
    g.place(g.one, g.two, g.three, worker=1)
    g.empty = emit()
    g.empty.out >> g.near.item
    collected = g.run(num_workers=2, collect=[g.one.out, g.two.out, g.three.out]).collected
    assert collected == {f"{name}.out": ["copy"] for name in ("one", "two", "three")}
    assert counter[0] == 1


def test_a_pickle_of_an_item_is_not_mistaken_for_the_item(run):
    data = pickle.dumps([1, 2, 3])
    g = chain(emit(data), relay())
    assert run(g, collect=[g.c1.out]).collected["c1.out"] == [data]
