"""Items that cannot be sent, cannot be read, or bite when they are thrown away."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import gc
import itertools
import os
import socket
import threading
from collections import Counter

import pytest
from faultlib import for_ever, note, noted, notes, place_of

from cascata import ComponentError, Graph, ItemError, component, inport, outport, persist

HOME = os.getpid()
"""The process in which this module was imported; workers have another number."""


def generator():
    return (number for number in range(3))


def lock():
    return threading.Lock()


def open_socket():
    return socket.socket()


def open_file():
    return open(os.devnull, "w")  # noqa: PTH123  its finalizer closes it


class RefusesError(Exception):
    pass


class RefusesToPickle:
    def __reduce__(self):
        msg = "I stay here"
        raise RefusesError(msg)


class ExitsWhenPickled:
    def __reduce__(self):
        raise SystemExit(5)


class ReprRaises(RefusesToPickle):
    def __repr__(self):
        msg = "no repr"
        raise RefusesError(msg)


def nested_lock():
    return {"a": [1, 2, (threading.Lock(),)]}


def refuse_to_load(*_):
    msg = "cannot be read"
    raise RefusesError(msg)


class UnreadableByReduce:
    def __reduce__(self):
        return refuse_to_load, ()


class UnreadableByState:
    def __init__(self):
        self.kept = 1

    def __setstate__(self, state):
        refuse_to_load()


def exit_when_loaded():
    raise SystemExit(5)


class ExitsWhenLoaded:
    def __reduce__(self):
        return exit_when_loaded, ()


def cancel_when_loaded():
    raise asyncio.CancelledError


class CancelsWhenLoaded:
    def __reduce__(self):
        return cancel_when_loaded, ()


def load_in_workers_only():
    if os.getpid() == HOME:
        refuse_to_load()
    return "loaded"


class LoadsInWorkersOnly:
    def __reduce__(self):
        return load_in_workers_only, ()


def apart(*definitions, num_workers=2):
    """Make a graph of components in a row, each on its own worker."""
    graph = Graph()
    names = [f"part{number}" for number in range(len(definitions))]
    for number, (name, definition) in enumerate(zip(names, definitions, strict=True)):
        graph.add(name, definition)
        if num_workers:
            graph.place(graph.nodes[name], worker=number % num_workers)
    for one, two in itertools.pairwise(names):
        graph.nodes[one].out >> graph.nodes[two].value
    return graph


@component
@outport("out")
@persist("make", lambda make: make)
async def Sender(out, make):
    note("sender began")
    try:
        for number in range(5):
            await out.send(number)
        await out.send(make.get()())
        note("sender went on")
    finally:
        note("sender finally")


@component
@inport("value")
async def Receiver(value):
    if not isinstance(value, int):
        note(f"received {type(value).__name__}")


@Receiver.finish
async def finish_receiver():
    note("receiver finish")


UNSENDABLE = [
    (generator, "generator"),
    (lock, "_thread.lock"),
    (open_socket, "socket.socket"),
    (open_file, "_io.TextIOWrapper"),
    (RefusesToPickle, "test_fault_items.RefusesToPickle"),
    (ReprRaises, "test_fault_items.ReprRaises"),
    (nested_lock, "dict"),
]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("num_workers", [2, 5])
@pytest.mark.parametrize(("make", "kind"), UNSENDABLE)
def test_an_item_that_cannot_be_sent(make, kind, num_workers):
    graph = apart(Sender, Receiver)
    graph.part0.make < make
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    error = caught.value
    assert (error.component, error.component_class) == ("part0", "Sender")
    assert error.worker == place_of(graph, "part0", num_workers)[0]
    assert isinstance(error.__cause__, ItemError)
    assert isinstance(error.__cause__, TypeError)
    assert "part0.out" in str(error.__cause__)
    assert kind in str(error.__cause__)
    assert "await out.send(make.get()())" in error.remote_traceback
    assert error.others == []
    assert notes() == ["sender began", "sender finally"]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("make", "kind"), UNSENDABLE)
@pytest.mark.parametrize("num_workers", [0, 1])
def test_within_a_worker_any_object_is_an_item(make, kind, num_workers):
    graph = apart(Sender, Receiver, num_workers=num_workers)
    graph.part0.make < make
    graph.run(num_workers=num_workers)
    assert f"received {kind.rpartition('.')[2]}" in notes()
    assert "receiver finish" in notes()


@pytest.mark.parametrize(("make", "kind"), [u for u in UNSENDABLE if u[0] not in (open_socket, open_file)])
def test_the_channel_is_as_it_was(make, kind):
    """The sender may catch the error and go on."""

    @component
    @outport("out")
    @persist("make", lambda make: make)
    async def Careful(out, make):
        for number in range(100):
            await out.send(number)
            with pytest.raises(ItemError):
                await out.send(make.get()())

    @component
    @inport("value", capacity=2)
    @outport("out")
    async def Copy(value, out):
        await out.send(value)

    graph = apart(Careful, Copy)
    graph.part0.make < make
    assert graph.run(num_workers=2, collect=[graph.part1.out]).collected["part1.out"] == list(range(100))


@pytest.mark.parametrize("num_workers", [2])
def test_a_fan_out_of_what_cannot_be_sent_reaches_nobody(num_workers):
    """One receiver is in the same process and could have got it."""

    @component
    @inport("value")
    async def Near(value):
        if not isinstance(value, int):
            note("near got it")

    graph = apart(Sender, Receiver)
    graph.part0.make < lock
    graph.add("near", Near)
    graph.part0.out >> graph.near.value
    graph.place(graph.near, graph.part0, together=True)
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    assert isinstance(caught.value.__cause__, ItemError)
    assert "near got it" not in notes()


def test_an_item_that_exits_when_it_is_pickled():
    graph = apart(Sender, Receiver)
    graph.part0.make < ExitsWhenPickled
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=2)
    assert caught.value.component == "part0"
    assert isinstance(caught.value.__cause__, SystemExit)


UNREADABLE = [
    (UnreadableByReduce, RefusesError),
    (UnreadableByState, RefusesError),
    (ExitsWhenLoaded, SystemExit),
    (CancelsWhenLoaded, asyncio.CancelledError),
]


@pytest.mark.parametrize("num_workers", [2, 5])
@pytest.mark.parametrize(("make", "kind"), UNREADABLE)
def test_an_item_that_cannot_be_read(make, kind, num_workers):
    graph = apart(Sender, Receiver)
    graph.part0.make < make
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    error = caught.value
    assert (error.component, error.component_class) == ("part1", "Receiver")
    assert error.worker == place_of(graph, "part1", num_workers)[0]
    assert isinstance(error.__cause__, kind)
    if kind is RefusesError:
        assert "raise RefusesError(msg)" in error.remote_traceback
    assert not any(text.startswith("receive") for text in notes())


@pytest.mark.parametrize(("make", "kind"), UNREADABLE)
def test_an_item_that_cannot_be_read_at_a_passive_port(make, kind):
    @component
    @inport("clock")
    @inport("value")
    async def Watching(clock, value):
        pass

    @component
    @outport("out")
    async def Clock(out):
        await for_ever("clock")

    graph = Graph()
    graph.add("sender", Sender).make < make
    graph.add("clock", Clock)
    graph.add("watching", Watching)
    graph.clock.out >> graph.watching.clock
    graph.sender.out >> graph.watching.value
    graph.watching.sync(graph.watching.clock)
    graph.place(graph.sender, worker=0)
    graph.place(graph.watching, worker=1)
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=2)
    assert caught.value.component == "watching"
    assert isinstance(caught.value.__cause__, kind)


@pytest.mark.parametrize("make", [UnreadableByReduce, UnreadableByState])
def test_an_unreadable_item_among_thousands(make):
    @component
    @outport("out")
    @persist("make", lambda make: make)
    async def Many(out, make):
        try:
            for number in range(100_000):
                await out.send(make.get()() if number == 5000 else number)
        finally:
            note("many finally")

    @component
    @inport("value", capacity=3000)
    async def Counting(value):
        if value == 4999:
            note("the last")

    graph = apart(Many, Counting)
    graph.part0.make < make
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=2)
    assert caught.value.component == "part1"
    assert sorted(notes()) == ["many finally", "the last"]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_collected_item_that_the_caller_cannot_read(num_workers):
    """Nobody but the caller reads it. That fails the run, which still stops in order."""

    @component
    @outport("out")
    async def Collected(out):
        try:
            for _ in range(3):
                await out.send(LoadsInWorkersOnly())
            await out.send(b"x" * (1 << 20))
            await for_ever("collected")
        finally:
            note("tidied up")

    graph = Graph()
    graph.add("collected", Collected)
    with pytest.raises(Exception, match="cannot be read"):
        graph.run(num_workers=num_workers, collect=[graph.collected.out])
    assert "tidied up" in notes()


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize(("make", "kind"), [u for u in UNSENDABLE if u[0] not in (open_socket, open_file)])
def test_a_collected_item_that_cannot_be_sent(make, kind, num_workers):
    graph = Graph()
    graph.add("part0", Sender).make < make
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers, collect=[graph.part0.out])
    assert caught.value.component == "part0"
    assert isinstance(caught.value.__cause__, TypeError)
    assert "sender finally" in notes()


class Bites:
    """Raises when it is thrown away."""

    def __del__(self):
        msg = "thrown away"
        raise RefusesError(msg)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_an_item_whose_finalizer_raises(num_workers, capfd):
    """Nobody is there to hear of it but the interpreter; nothing is lost by it."""

    @component
    @outport("out")
    async def Sending(out):
        for _ in range(50):
            await out.send(Bites())

    graph = apart(Sending, Receiver, num_workers=num_workers)
    report = graph.run(num_workers=num_workers)
    assert report.components["part1"].firings == 50
    assert Counter(notes())["received Bites"] == 50
    gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_items_that_bite_are_thrown_away_by_a_stop(num_workers, capfd):
    @component
    @outport("out")
    async def Sending(out):
        for _ in range(50):
            await out.send(Bites())

    @component
    @inport("value", capacity=20)
    async def Failing(value):
        await asyncio.sleep(0.1)
        msg = "first"
        raise ValueError(msg)

    graph = apart(Sending, Failing, num_workers=num_workers)
    with pytest.raises(ComponentError, match="first"):
        graph.run(num_workers=num_workers)
    gc.collect()


class SendsWhenThrownAway:
    """Its finalizer uses the very port that it was sent through."""

    def __init__(self, port):
        self.port = port

    def __del__(self):
        note("thrown away")
        try:
            self.port.send(0).close()
        except RuntimeError:
            note("too late")

    def __reduce__(self):
        return int, ()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_finalizer_that_sends(num_workers):
    """Throwing an item away runs any code: no lock may be held meanwhile."""

    @component
    @outport("out")
    async def Sending(out):
        for _ in range(8):
            await out.send(SendsWhenThrownAway(out))
        await noted("ended")
        await out.send(SendsWhenThrownAway(out))

    @component
    @inport("value", capacity=20)
    @inport("once", capacity=1)
    @persist("kept", lambda: None, close=lambda _: note("ended"))
    async def Once(value, once, kept):
        pass

    @component
    @outport("out")
    async def One(out):
        await asyncio.sleep(0.05)
        await out.send(1)

    graph = Graph()
    graph.add("sending", Sending)
    graph.add("once", Once)
    graph.add("one", One)
    graph.sending.out >> graph.once.value
    graph.one.out >> graph.once.once
    report = graph.run(num_workers=num_workers)
    assert report.components["once"].firings >= 1
    gc.collect()
    assert "thrown away" in notes()


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_inputs_whose_repr_raises_or_is_long(num_workers):
    """The error shows the firing's inputs, shortened, whatever they are."""

    class Odd:
        def __repr__(self):
            msg = "no repr"
            raise RefusesError(msg)

    @component
    @inport("odd")
    @inport("long")
    @inport("nested")
    @inport("plain")
    @inport("missing", default=None)
    async def Failing(odd, long, nested, plain, missing):
        msg = "first"
        raise ValueError(msg)

    graph = Graph()
    failing = graph.add("failing", Failing)
    failing.odd < Odd()
    failing.long < "x" * 1_000_000
    failing.nested < [list(range(1000))] * 1000
    failing.plain < {"a": 1}
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    inputs = caught.value.inputs
    assert inputs.keys() == {"odd", "long", "nested", "plain", "missing"}
    assert "Odd" in inputs["odd"]
    assert inputs["long"].startswith("'xxx")
    assert all(len(text) < 500 for text in inputs.values())
    assert inputs["plain"] == "{'a': 1}"
    assert inputs["missing"] == "None"
    assert all(f"{name}={text}" in str(caught.value) for name, text in inputs.items())


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError])
def test_an_input_whose_repr_raises_what_is_no_exception(num_workers, kind):
    class Odd:
        def __repr__(self):
            raise kind

    @component
    @inport("odd")
    async def Failing(odd):
        await noted("idle began")
        msg = "first"
        raise ValueError(msg)

    @component
    async def Idle():
        await for_ever("idle")

    graph = Graph()
    graph.add("failing", Failing).odd < Odd()
    graph.add("idle", Idle)
    with pytest.raises(ComponentError, match="first") as caught:
        graph.run(num_workers=num_workers, timeout=20)
    assert "Odd" in caught.value.inputs["odd"]
    assert notes() == ["idle began", "idle finally"]
