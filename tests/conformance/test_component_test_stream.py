"""`Comp.test_stream(...)`: a component alone, fed with streams."""

import asyncio
import itertools
import threading

import pytest

from cascata import component, inport, log, outport, persist


@component
@inport("text")
@inport("minimum", default=3)
@outport("word")
@outport("count")
async def split(text, minimum, word, count):
    words = [part for part in text.split() if len(part) >= minimum]
    for part in words:
        await word.send(part)
    await count.send(len(words))


@component
@inport("left")
@inport("right")
@outport("pair")
async def both(left, right, pair):
    await pair.send((left, right))


@component
@inport("item")
@outport("out")
@persist("items", list)
async def tally(item, out, items):
    items.get().append(item)


@tally.finish
async def tally_total(out, items):
    await out.send(items.get())


def test_it_fires_on_each_item_and_gives_a_list_for_every_outport():
    result = split.test_stream(text=["a bb ccc", "", "dddd eeeee"])
    assert result == {"word": ["ccc", "dddd", "eeeee"], "count": [1, 0, 2]}


def test_streams_are_zipped():
    assert both.test_stream(left=[1, 2, 3], right=["a", "b"])["pair"] == [(1, "a"), (2, "b")]


def test_a_stream_may_replace_a_default():
    assert split.test_stream(text=["a bb", "a bb"], minimum=[1, 2])["word"] == ["a", "bb", "bb"]


@pytest.mark.parametrize("stream", [[], (), {}, set(), iter([]), range(0)], ids=repr)
def test_an_empty_stream(stream):
    assert tally.test_stream(item=stream) == {"out": [[]]}


def test_no_inports_at_all():
    @component
    @outport("out")
    async def source(out):
        for number in range(1000):
            await out.send(number)

    assert source.test_stream() == {"out": list(range(1000))}


def test_whatever_can_be_iterated_over():
    class Old:
        def __getitem__(self, index):
            return (1, 2)[index]

    generator = (number for number in (1, 2))
    for stream in ((1, 2), {1: "one", 2: "two"}, range(1, 3), iter([1, 2]), generator, {1, 2}, Old()):
        assert tally.test_stream(item=stream) == {"out": [[1, 2]]}


def test_more_items_than_any_channel_holds():
    assert tally.test_stream(item=range(5000)) == {"out": [list(range(5000))]}


def test_items_are_passed_as_they_are():
    items = [None, False, [], object(), threading.Lock()]
    (seen,) = tally.test_stream(item=items)["out"]
    assert all(one is other for one, other in zip(seen, items, strict=True))


def test_an_endless_stream_beside_one_that_ends():
    endless = itertools.count()
    assert both.test_stream(left=endless, right=["a", "b"])["pair"] == [(0, "a"), (1, "b")]
    assert next(endless) < 50


def test_an_endless_stream_at_a_port_without_bound():
    @component
    @inport("left", capacity=None)
    @inport("right")
    @outport("pair")
    async def slow(left, right, pair):
        await asyncio.sleep(0.01)
        await pair.send((left, right))

    endless = itertools.count()
    assert slow.test_stream(left=endless, right=["a", "b"])["pair"] == [(0, "a"), (1, "b")]
    assert next(endless) < 50


def test_persistent_values_start_anew_and_may_be_given():
    given = ["before"]
    assert tally.test_stream(item=[1, 2]) == {"out": [[1, 2]]}
    assert tally.test_stream(item=[1, 2], items=given) == {"out": [["before", 1, 2]]}
    assert given == ["before"]


def test_what_an_instance_says():
    instance = both("instance")
    instance.left < "first"
    assert instance.test_stream(right=[1, 2])["pair"] == [("first", 1), ("first", 2)]  # a constant
    assert instance.test_stream(left=["second"], right=[1, 2])["pair"] == [("first", 1), ("second", 2)]  # a token
    gathered = tally("gathered")
    gathered.items < [[0]]
    gathered.item.batch_size = 2
    assert gathered.test_stream(item=[1, 2, 3]) == {"out": [[[0], [1, 2], [3]]]}
    assert gathered.graph is None


def test_trigger_groups_of_an_instance():
    triggered = both("triggered")
    triggered.clk(triggered.left, triggered.right)
    pairs = triggered.test_stream(left=[1, 2, 3], right=["a", "b"])["pair"]
    assert len(pairs) == 5
    assert pairs[-1] == (3, "b")
    passive = both("passive")
    passive.sync(passive.left)
    pairs = passive.test_stream(left=range(100), right=["a"])["pair"]
    assert [left for left, _ in pairs] == list(range(100))
    assert pairs[-1] == (99, "a")
    assert passive.test_stream(left=[1], right=[])["pair"] == [(1, None)]


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ({}, r"split\.test_stream\(\.\.\.\) needs a stream for text; it has inports: text, minimum"),
        ({"minimum": [2]}, "text"),
        ({"text": ["a"], "other": [1]}, "'other' is unknown"),
        ({"text": ["a"], "word": [1]}, "'word' is an outport"),
        ({"text": "a bb"}, r"this is one str; write text=\['a bb'\]"),
        ({"text": b"a bb"}, r"this is one bytes; write text=\[b'a bb'\]"),
        ({"text": ["a"], "minimum": 3}, r"minimum=3.*instance\.minimum < "),
        ({"text": None}, "text=None"),
    ],
)
def test_wrong_arguments(streams, message):
    with pytest.raises(TypeError, match=message):
        split.test_stream(**streams)


def test_what_the_runner_raises_is_raised():
    @component
    @inport("item")
    async def fails(item):
        return {1: "one"}[item]

    with pytest.raises(KeyError) as raised:
        fails.test_stream(item=[1, 2])
    assert raised.traceback[-1].name == "fails"
    assert raised.value.__context__ is None


def test_what_a_stream_raises_is_raised():
    def broken():
        yield 1
        raise LookupError

    with pytest.raises(LookupError) as raised:
        tally.test_stream(item=broken())
    assert raised.traceback[-1].name == "broken"


def test_a_component_that_ends_before_its_stream():
    asked = []

    def endless():
        for number in itertools.count():
            asked.append(number)
            yield number

    result = both.test_stream(left=endless(), right=[1])
    assert result == {"pair": [(0, 1)]}
    assert len(asked) < 50


def test_it_works_inside_a_running_event_loop():
    async def main():
        return tally.test_stream(item=[1, 2])

    assert asyncio.run(main()) == {"out": [[1, 2]]}


def test_it_works_inside_a_component():
    @component
    @inport("items")
    @outport("out")
    async def outer(items, out):
        await out.send(tally.test_stream(item=items))

    assert outer.test(items=[1, 2]) == {"out": [{"out": [[1, 2]]}]}


def test_it_runs_in_this_process_and_says_which_component_logs(caplog):
    @component
    @inport("item")
    async def speaks(item):
        log.info("%s in %s", item, threading.current_thread().name)

    speaks.test_stream(item=["here"])
    (record,) = caplog.records
    assert record.getMessage() == f"here in {threading.current_thread().name}"
    assert (record.component, record.component_class) == ("test", "speaks")


def test_a_port_may_have_any_name():
    @component
    @inport("self")
    @inport("stream")
    @inport("item")
    @inport("component")
    @outport("values")
    async def odd(self, stream, item, component, values):
        await values.send((self, stream, item, component))

    assert odd.test_stream(self=[1], stream=[2], item=[3], component=[4]) == {"values": [(1, 2, 3, 4)]}
