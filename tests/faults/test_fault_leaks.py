"""Nothing outlives a run, however it ended, and nothing piles up over many."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import ctypes
import gc
import itertools
import os
import re
from pathlib import Path

import pytest
from faultgraph import build
from faultlib import NAMED_MEMORY, Census, left_over, note, notes, until, until_async
from scale import SCALE

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, WorkerDied, component, inport, outport

RUNS = int(100 * SCALE)
MARGIN = 1 << 20
"""Bytes that a process may take whatever it does."""


@component
@outport("out")
async def Some(out):
    for number in range(30):
        await out.send({"number": number})


@component
@inport("value", capacity=4)
@outport("out")
async def Same(value, out):
    await out.send(value)


@component
@inport("value", capacity=4)
@inport("partner", capacity=4)
async def Pairs(value, partner):
    pass


@component
@inport("value", capacity=4)
async def Fails(value):
    if value["number"] == 20:
        msg = "enough"
        raise ValueError(msg)


@component
@inport("value", capacity=4)
async def Dies(value):
    if value["number"] == 20:
        os._exit(1)


@component
@outport("out")
@inport("value", capacity=4)
async def Loses(value, out):
    pass


def good():
    graph = Graph()
    graph.add("some", Some)
    graph.add("same", Same)
    graph.some.out >> graph.same.value
    return graph


# How a run is started.


def by_run(graph, **options):
    graph.run(**options)


def by_start(graph, **options):
    graph.start(**options).join()


def by_arun(graph, **options):
    asyncio.run(graph.arun(**options))


# How it ends.


def ends(start, **options):
    graph = good()
    start(graph, collect=[graph.same.out], **options)


def is_stopped(start, **options):
    run = good().start(**options)
    run.stop()
    run.join()


def fails(start, **options):
    graph = good()
    graph.add("fails", Fails)
    graph.same.out >> graph.fails.value
    with pytest.raises(ComponentError):
        start(graph, **options)


def dies(start, **options):
    graph = good()
    graph.add("dies", Dies)
    graph.same.out >> graph.dies.value
    with pytest.raises(WorkerDied):
        start(graph, **options)


def is_dead(start, **options):
    graph = good()
    graph.add("loses", Loses)
    graph.add("pairs", Pairs)
    graph.some.out >> graph.loses.value
    graph.same.out >> graph.pairs.value
    graph.loses.out >> graph.pairs.partner
    with pytest.raises(DeadlockError):
        start(graph, timeout=30, **options)


@component
@inport("value")
async def Waits(value):
    await asyncio.sleep(60)


def times_out(start, **options):
    graph = good()
    graph.add("waits", Waits)
    graph.same.out >> graph.waits.value
    with pytest.raises(RunTimeout):
        start(graph, timeout=1e-6, **options)


def resident():
    """Bytes of memory that are this process's own."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)) << 10


def mappings():
    """How many mappings this process has."""
    return Path("/proc/self/maps").read_text().count("\n")


KINDS = {
    "in process": (1.0, {"num_workers": 0}),
    "fork": (1.0, {"num_workers": 2, "start_method": "fork"}),
    "spawn": (0.1, {"num_workers": 2, "start_method": "spawn"}),
}
"""The options of each kind of start, and what share of the runs is enough for one that takes longer."""

STARTS = [by_run, by_start, by_arun]
CALLS = [(kind, start) for kind in KINDS for start in (STARTS if kind != "spawn" or SCALE > 1 else STARTS[:1])]
"""Spawned runs take longest, and are started in the same way by all three."""


@pytest.mark.once
@pytest.mark.timeout(60 + 6 * RUNS)
@pytest.mark.parametrize(("kind", "start"), CALLS)
def test_many_runs(kind, start):
    share, options = KINDS[kind]
    runs = int(RUNS * share)
    ways = [ends, fails, is_dead, is_stopped, *([dies] if options["num_workers"] else [])]
    endless = itertools.cycle(ways)
    for way in itertools.islice(endless, max(runs // 10, 2 * len(ways))):
        way(start, **options)
    before, mapped = Census.take(), mappings()
    # A leak of anything at all for each run, be it one page or one mapping, is more than this.
    bound, grown = MARGIN + runs * 2_000, []
    for _ in range(3):  # what the allocator keeps once, it does not take again; a leak does
        memory = resident()
        for way in itertools.islice(endless, runs):
            way(start, **options)
        grown.append(resident() - memory)
        if grown[-1] < bound:
            break
    assert left_over(before) == {}
    assert min(grown) < bound, grown
    assert mappings() - mapped < 20


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
@pytest.mark.parametrize("way", [ends, is_stopped, fails, dies, is_dead, times_out])
def test_after_each_way_to_end(way, num_workers):
    """What the fixture of this directory checks after every test, here for the plain ways side by side."""
    if way is dies and num_workers == 0:
        pytest.skip("that ends the caller")
    for _ in range(2):
        before = Census.take()
        way(by_run, num_workers=num_workers)
        assert left_over(before, 1.0) == {}


@pytest.mark.parametrize("num_workers", [0, 2])
def test_shared_memory_has_no_name(num_workers):
    """What has no name goes with its last user, whatever happens to it."""

    def look():
        maps = Path("/proc/self/maps").read_text()
        note("mapped" if "memfd:cascata" in maps else "not mapped")
        named = [line for line in maps.splitlines() if f"{NAMED_MEMORY}/" in line]
        named += [target for _, target in Census.take().descriptors if str(NAMED_MEMORY) in target]
        note(f"named: {named}")

    @component
    @outport("out")
    async def Looking(out):
        look()
        await out.send(1)

    graph = Graph()
    graph.add("looking", Looking)
    graph.add("same", Same)
    graph.looking.out >> graph.same.value
    graph.run(num_workers=num_workers)
    assert notes() == ["mapped", "named: []"]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_error_that_is_kept_keeps_nothing_else(num_workers):
    """Programs collect errors; each has a traceback with frames that refer to the run."""

    def boom():
        msg = "boom"
        raise ValueError(msg)

    kept = []
    before = Census.take()
    for _ in range(3):
        with pytest.raises(ComponentError) as caught:
            build("mid-stream", boom).run(num_workers=num_workers)
        kept.append(caught.value)
        del caught
    assert left_over(before, 0.5) == {}
    assert all(type(error.__cause__) is ValueError for error in kept)


@component
@outport("out")
async def SendsAndFails(out):
    try:
        await out.send(1)
        note("sent")
        sending = out.send(2)
        await sending
    finally:
        msg = "on the way out"
        raise ValueError(msg)


@component
@inport("value")
async def Takes(value):
    pass


@component
@inport("value", capacity=1)
@inport("partner")
async def Lacks(value, partner):
    pass


@component
@outport("out")
async def FailsLater(out):
    await until_async(lambda: "sent" in notes())
    await asyncio.sleep(0.05)
    msg = "first"
    raise ValueError(msg)


def test_a_failure_whose_frames_keep_a_send_that_has_reached_one_of_its_ports_only():
    """The item is to reach the others in time; the send, and so the traceback, keeps what would see to it."""
    graph = Graph()
    for name, definition in (("sends", SendsAndFails), ("takes", Takes), ("lacks", Lacks), ("fails", FailsLater)):
        graph.add(name, definition)
    graph.sends.out >> graph.takes.value
    graph.sends.out >> graph.lacks.value
    graph.fails.out >> graph.lacks.partner
    before = Census.take()
    with pytest.raises(ComponentError, match="first") as caught:
        graph.run(num_workers=0)
    (failure,) = caught.value.others
    assert str(failure.__cause__) == "on the way out"
    assert left_over(before, 0.5) == {}


@component
@outport("out")
async def KeepsASend(out):
    await out.send(1)
    sending = out.send(2)
    note("sent")
    try:
        await asyncio.sleep(60)
    finally:
        msg = f"on the way out, with {sending}"
        raise ValueError(msg)


@pytest.mark.filterwarnings("ignore:.*never awaited:RuntimeWarning")
def test_a_failure_whose_frames_keep_a_send_that_nobody_has_awaited():
    graph = Graph()
    for name, definition in (("keeps", KeepsASend), ("lacks", Lacks), ("fails", FailsLater)):
        graph.add(name, definition)
    graph.keeps.out >> graph.lacks.value
    graph.fails.out >> graph.lacks.partner
    before = Census.take()
    with pytest.raises(ComponentError, match="first") as caught:
        graph.run(num_workers=0)
    (failure,) = caught.value.others
    assert "keeps.out.send() waiting" in str(failure.__cause__)
    assert left_over(before, 0.5) == {}
    del failure, caught
    gc.collect()


def test_a_worker_has_nothing_of_the_other_workers():
    """Descriptors of the supervisor and of workers started before are closed in a worker."""

    @component
    async def Counting():
        note(str(sum(target.startswith("socket:") for _, target in Census.take().descriptors)))
        note("looked")
        until(lambda: notes().count("looked") == 5)

    graph = Graph()
    for number in range(5):
        graph.add(f"counting{number}", Counting)
        graph.place(graph.nodes[f"counting{number}"], worker=number)
    graph.run(num_workers=5)
    counts = {text for text in notes() if text != "looked"}
    assert len(counts) == 1, counts
