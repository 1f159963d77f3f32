"""What the report of a run says."""

import asyncio
import time

import pytest
from parts import chain, emit, pair, relay

from cascata import Graph, component, inport, outport


@component
@inport("item", capacity=3)
@outport("even")
@outport("odd")
async def sort(item, even, odd):
    await (odd if item % 2 else even).send(item)


def build():
    g = Graph()
    g.source = emit(*range(11))
    g.sort = sort
    g.evens = relay()
    g.both = relay()
    g.source.out >> g.sort.item
    g.sort.even >> g.evens.item >> g.both.item
    g.sort.odd >> g.both.item
    return g


def test_items_in_and_out_and_firings_of_each_component(run):
    report = run(build())
    counts = {name: (entry.items_in, entry.firings, entry.items_out) for name, entry in report.components.items()}
    assert counts == {"source": (0, 1, 11), "sort": (11, 11, 11), "evens": (6, 6, 6), "both": (11, 11, 11)}
    outports = report.components["sort"].outports
    assert (outports["even"].sent, outports["odd"].sent) == (6, 5)
    assert report.components["both"].inports["item"].taken == 11


def test_name_definition_and_worker_of_each_component(run):
    report = run(build())
    for index, (name, entry) in enumerate(report.components.items()):
        assert entry.name == name
        assert entry.worker == (index % 2 if run.workers == 2 else 0)
        assert name in report.workers[entry.worker]
    assert report.components["sort"].component == "sort"
    assert report.components["evens"].component == "relayer"


def test_nothing_gets_lost_uncounted(run):
    """What is sent into a port is taken or discarded, whatever ends first."""
    g = Graph()
    g.long = emit(*range(300))
    g.short = emit(*range(20))
    g.pair = pair(capacity=4)
    g.sort = sort
    g.rest = pair(capacity=None)
    g.long.out >> g.pair.left >> g.sort.item
    g.short.out >> g.pair.right
    g.sort.even >> g.rest.left
    g.pair.out >> g.rest.right
    components = run(g).components
    for sender, outport_, receiver, inport_ in [
        ("long", "out", "pair", "left"),
        ("long", "out", "sort", "item"),
        ("short", "out", "pair", "right"),
        ("sort", "even", "rest", "left"),
        ("pair", "out", "rest", "right"),
    ]:
        port = components[receiver].inports[inport_]
        assert components[sender].outports[outport_].sent == port.taken + port.discarded
    assert components["sort"].outports["odd"].dropped == 150


def test_busy_time_is_that_in_which_code_runs(run):
    @component
    @inport("item")
    async def works(item):
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            pass

    @component
    @inport("item")
    async def idles(item): ...

    g = Graph()
    g.source = emit(*range(5))
    g.works = works
    g.idles = idles
    g.source.out >> g.works.item >> g.idles.item
    components = run(g).components
    assert components["works"].busy >= 0.05
    assert components["works"].busy > components["idles"].busy


def test_time_that_a_firing_awaits_something_else_is_no_busy_time(run):
    @component
    @inport("item")
    async def sleeps(item):
        await asyncio.sleep(0.01)

    entry = run(chain(emit(*range(5)), sleeps)).components["c1"]
    assert entry.awaiting >= 0.04  # a timer starts a little before its firing is seen to wait
    assert entry.awaiting > entry.busy


def test_time_without_items_is_waiting_time(run):
    @component
    @outport("out")
    async def slow(out):
        for number in range(5):
            await asyncio.sleep(0.01)
            await out.send(number)

    entry = run(chain(slow, relay())).components["c1"]
    assert entry.waiting > entry.busy
    assert entry.waiting > entry.blocked + entry.awaiting


def test_time_without_room_is_blocked_time(run):
    @component
    @inport("item", capacity=1)
    async def slow(item):
        await asyncio.sleep(0.01)

    entry = run(chain(emit(*range(8)), slow)).components["c0"]
    assert entry.blocked >= 0.04
    assert entry.blocked > entry.busy


def test_the_times_of_a_component_add_up_to_no_more_than_the_run(run):
    report = run(build())
    for entry in report.components.values():
        parts = (entry.busy, entry.awaiting, entry.waiting, entry.blocked)
        assert all(part >= 0 for part in parts)
        assert sum(parts) <= report.seconds


def test_a_printed_report_names_everything_a_reader_looks_for(run):
    g = build()
    g.many = emit(*range(12_345))
    text = str(run(g))
    lines = text.splitlines()
    for name in g.nodes:
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert line
    assert "12,345" in text
    for word in ("busy", "waiting", "blocked", "component", "worker"):
        assert word in text
    assert "many.out dropped 12,345 items" in text
    assert max(len(line) for line in lines) <= 120


def test_a_printed_report_of_one_of_each_says_so():
    g = Graph()
    g.one = emit(1)
    text = str(g.run(num_workers=1))
    assert text.startswith("1 component, 1 worker, ")
    assert "one.out dropped 1 item: nothing is connected" in text
    assert str(g.run(num_workers=0)).startswith("1 component, in the calling process, ")


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_columns_of_a_printed_report_line_up(workers):
    g = Graph()
    g.add("a_component_with_quite_a_long_name_indeed", emit(*range(1000))).out >> g.add("b", relay()).item
    table = [line for line in str(g.run(num_workers=workers)).splitlines()[1:] if "dropped" not in line]
    assert len(table) == 3
    assert len({len(line) for line in table}) == 1


def test_the_report_of_an_earlier_run_weighs_the_placement():
    def build_uneven():
        g = Graph()
        for name in ("heavy", "light1", "light2", "light3"):

            @component
            @inport("n")
            async def works(n):
                end = time.perf_counter() + n
                while time.perf_counter() < end:
                    pass

            g.add(name, works).n < (0.05 if name == "heavy" else 0.001)
        return g

    first = build_uneven().run(num_workers=2)
    second = build_uneven().run(num_workers=2, placement=first)
    (alone,) = [names for names in second.workers if "heavy" in names]
    assert alone == ["heavy"]


def test_the_seconds_of_a_run_cover_its_components(run):
    @component
    async def sleeps():
        await asyncio.sleep(0.02)

    report = run(chain(sleeps))
    assert report.seconds >= report.components["c0"].awaiting >= 0.01


def test_a_collected_outport_is_no_loss(run):
    @component
    @outport("out")
    async def source(out):
        await out.send(1)

    g = chain(source)
    report = run(g, collect=[g.c0.out])
    assert report.components["c0"].outports["out"].sent == 1
    assert "dropped" not in str(report)
    assert "collected" not in repr(report) or len(repr(report)) < 2000
