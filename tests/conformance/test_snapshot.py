"""What can be read of a run while it goes on."""

import asyncio
import dataclasses
import itertools
import threading
import time

import pytest
from parts import chain, emit, relay

from cascata import ComponentError, Graph, component, inport, outport
from cascata.run.snapshot import Snapshot

pytestmark = pytest.mark.once

PATIENCE = 30.0


def hold(seconds, *, blocking=False, capacity=10):
    """Make a component that takes so long for an item."""

    @component
    @inport("item", capacity=capacity)
    @outport("out")
    async def holds(item, out):
        if blocking:
            time.sleep(seconds)  # noqa: ASYNC251  that is the point
        else:
            await asyncio.sleep(seconds)
        await out.send(item)

    return holds


@component
@outport("out")
async def endless(out):
    n = 0
    while await out.send(n):
        n += 1


@pytest.fixture(params=[0, 1, 2], ids=["in_process", "one_worker", "two_workers"])
def start(request):
    """Start a graph here or elsewhere; stop it at the end of the test."""
    runs = []

    def start(graph, **options):
        for index, node in enumerate(graph.nodes.values() if request.param > 1 else ()):
            graph.place(node, worker=index % request.param)
        runs.append(graph.start(num_workers=request.param, **options))
        return runs[-1]

    start.workers = request.param
    yield start
    for run in runs:
        run.stop()
        while run.running:
            time.sleep(0.01)


def until(run, condition):
    """Give the first snapshot for which a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition(snapshot := run.snapshot()):
        assert time.monotonic() < deadline, snapshot
        time.sleep(0.01)
    return snapshot


def stuck(snapshot):
    """Tell whether a run of `endless`, `relay`, `hold(60)` has come to a halt."""
    return [c.state for c in snapshot.components.values()] == ["blocked", "blocked", "awaiting"]


def halted(run):
    """Give the first snapshot of a run that has come to a halt.

    A snapshot reads one number after another of a run that goes on. Two that show the same were taken of one
    that did not.
    """
    before = until(run, stuck)
    while items(after := until(run, stuck)) != items(before):
        before = after
    return after


def items(snapshot):
    """Give how many items each component has received and sent."""
    return [(c.items_in, c.items_out) for c in snapshot.components.values()]


def test_what_each_component_has_done_and_is_doing(start):
    g = chain(endless, relay(), hold(60, capacity=3))
    run = start(g)
    snapshot = halted(run)
    source, middle, last = snapshot.components.values()
    assert (snapshot.running, snapshot.workers) == (True, start.workers)
    assert (last.items_in, last.firings, last.items_out) == (1, 1, 0)
    port = last.inports["item"]
    assert (port.taken, port.fill, port.capacity, port.batched, port.fullness) == (1, 3, 3, 0, 1.0)
    assert middle.outports["out"].sent == middle.items_in
    assert source.inports == {}
    assert source.fullest is None
    assert last.fullest is port
    assert (source.worker, middle.worker) == ((0, 1) if start.workers == 2 else (0, 0))
    assert source.component == "endless"
    assert source.states == ("blocked",)


def test_times_go_on_while_nothing_changes(start):
    run = start(chain(endless, relay(), hold(60)))
    early = halted(run)
    late = until(run, lambda snapshot: snapshot.seconds > early.seconds + 0.1)
    source, middle, last = late.rates(early).values()
    assert (source.blocked, middle.blocked, last.awaiting) == pytest.approx((1, 1, 1), abs=0.2)
    assert (source.items_out, source.at_work, last.at_work) == pytest.approx((0, 0, 1), abs=0.2)
    assert last.busy == last.waiting == last.blocked == 0


def test_code_that_never_waits_is_busy(start):
    run = start(chain(emit(1), hold(0.5, blocking=True)))
    snapshot = until(run, lambda snapshot: snapshot.components["c1"].busy > 0.1)
    assert snapshot.components["c1"].state == "running"


@pytest.mark.parametrize("blocking", [False, True], ids=["awaits", "blocks"])
@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_the_slowest_is_the_one_that_the_others_wait_for(start, place, blocking):
    slow = hold(0.01, blocking=blocking)

    @component
    @outport("out")
    async def slow_source(out):
        while await out.send(1):
            if blocking:
                time.sleep(0.01)  # noqa: ASYNC251
            else:
                await asyncio.sleep(0.01)

    parts = {
        "start": (slow_source, relay(), relay()),
        "middle": (endless, slow, relay()),
        "end": (endless, relay(), slow),
    }
    run = start(chain(*parts[place]))
    early = until(run, lambda snapshot: snapshot.components["c2"].items_in > 5)
    late = until(run, lambda snapshot: snapshot.components["c2"].items_in > early.components["c2"].items_in + 20)
    assert late.slowest(early) == {"start": "c0", "middle": "c1", "end": "c2"}[place]


def test_a_clock_that_nobody_waits_for_is_not_the_slowest(start):
    @component
    @outport("tick")
    async def clock(tick):
        for n in range(100_000):
            await tick.send(n)
            await asyncio.sleep(0.02)

    @component
    @inport("item")
    @inport("tick")
    async def slow(item, tick):
        if item is not None:
            await asyncio.sleep(0.005)

    g = Graph()
    g.clock = clock
    g.source = endless
    g.slow = slow
    g.slow.clk(g.slow.item, g.slow.tick)
    g.clock.tick >> g.slow.tick
    g.source.out >> g.slow.item
    run = start(g)
    early = until(run, lambda snapshot: snapshot.components["slow"].items_in > 5)
    late = until(run, lambda snapshot: snapshot.components["slow"].items_in > early.components["slow"].items_in + 30)
    assert late.slowest(early) == "slow"
    assert len(late.components["slow"].states) == 2


def test_rates_are_those_between_two_snapshots(run_here):
    g = chain(emit(*range(10)), relay())
    handle = g.start(num_workers=0)
    handle.join()
    last = handle.snapshot()
    before = dataclasses.replace(
        last,
        seconds=last.seconds - 2.0,
        components={n: dataclasses.replace(c, firings=c.firings - 1) for n, c in last.components.items()},
    )
    assert last.rates(before)["c1"].firings == 0.5
    assert last.rates(before)["c1"].items_in == 0
    assert last.rates()["c1"].items_in == pytest.approx(10 / last.seconds)
    assert last.rates(last)["c1"].items_in == 0
    assert last.slowest(last) is None


def test_a_later_snapshot_or_another_runs_is_refused():
    runs = [chain(emit(1)).start(num_workers=0), chain(emit(1), relay()).start(num_workers=0)]
    for run in runs:
        run.join()
    one, other = [run.snapshot() for run in runs]
    for early, late in [
        (dataclasses.replace(one, seconds=one.seconds + 1), one),
        (dataclasses.replace(one, seconds=0.0), other),
    ]:
        with pytest.raises(ValueError, match=r"snapshot.rates\(since\): give an earlier snapshot of the same run"):
            late.rates(early)


def test_snapshots_come_one_after_the_other_whatever_ends_meanwhile(start):
    run = start(chain(emit(*range(50)), *[relay() for _ in range(200)]))
    snapshots = [run.snapshot()]
    while run.running:
        snapshots.append(run.snapshot())
    snapshots.append(run.snapshot())
    for earlier, later in itertools.pairwise(snapshots):
        later.rates(earlier)  # raises if it is not later
        assert later.running <= earlier.running


def test_the_last_snapshot_is_what_the_report_says(start):
    run = start(chain(emit(*range(20)), relay(), relay()))
    report = run.join()
    snapshot = run.snapshot()
    assert (snapshot.running, snapshot.seconds) == (False, report.seconds)
    for name, entry in report.components.items():
        shown = snapshot.components[name]
        assert (shown.items_in, shown.firings, shown.items_out) == (entry.items_in, entry.firings, entry.items_out)
        assert (shown.busy, shown.waiting, shown.state) == (entry.busy, entry.waiting, "done")


def test_a_snapshot_of_a_run_that_failed(start):
    @component
    @inport("item")
    async def fails(item):
        assert item < 3

    run = start(chain(emit(*range(20)), fails))
    with pytest.raises(ComponentError):
        run.join()
    assert run.snapshot().components["c1"].firings == 4
    assert not run.snapshot().running


def test_unbounded_and_batched_inports_are_told(run_here):
    @component
    @inport("items", capacity=None)
    async def takes(items):
        await asyncio.sleep(60)

    g = chain(endless)
    g.takes = takes
    g.c0.out >> 4 >= g.takes.items
    run = g.start(num_workers=0)
    snapshot = until(run, lambda snapshot: snapshot.components["takes"].inports["items"].fill > 10)
    run.stop()
    port = snapshot.components["takes"].inports["items"]
    assert (port.capacity, port.fullness, port.taken, port.batched) == (None, 1.0, 4, 0)


def test_what_an_ended_component_has_not_taken_is_not_inside(run_here):
    @component
    @inport("item")
    @inport("other")
    async def pair(item, other): ...

    g = chain(emit(*range(5)))
    g.short = emit(1)
    g.pair = pair
    g.c0.out >> g.pair.item
    g.short.out >> g.pair.other
    run = g.start(num_workers=0)
    run.join()
    assert run.snapshot().components["pair"].inports["item"].fill == 0


def test_a_snapshot_prints_as_a_table():
    run = chain(emit(*range(2000)), relay()).start(num_workers=1)
    run.join()
    title, heads, first, second = str(run.snapshot()).splitlines()
    assert title.startswith("2 components, 1 worker, ")
    assert heads.split() == ["component", "worker", "in", "in/s", "out", "out/s", "inside", "time"]
    assert first.split()[:3] == ["c0", "0", "2,000"]
    assert second.split()[:3] == ["c1", "0", "2,000"]


# The callable.


def test_a_function_is_called_with_snapshots_and_at_the_end(run):
    seen = []
    threads = set()

    def look(snapshot):
        threads.add(threading.current_thread().name)
        seen.append(snapshot)

    report = run(chain(emit(*range(30)), hold(0.03)), progress=look)
    assert threads == {"cascata-progress"}
    assert len(seen) > 1
    assert all(isinstance(snapshot, Snapshot) for snapshot in seen)
    assert [snapshot.running for snapshot in seen] == [True] * (len(seen) - 1) + [False]
    assert seen[-1].components["c1"].items_in == report.components["c1"].items_in == 30


def test_what_the_function_raises_stops_the_run_and_is_raised(run):
    error = RuntimeError("enough")

    def look(snapshot):
        raise error

    with pytest.raises(RuntimeError) as caught:
        run(chain(endless, hold(0.01)), progress=look)
    assert caught.value is error


def test_a_failure_of_the_run_comes_before_one_of_the_function(run):
    def look(snapshot):
        msg = "the last look"
        raise KeyError(msg)

    @component
    @inport("item")
    async def fails(item):
        raise OSError(item)

    with pytest.raises(ComponentError):
        run(chain(emit(1), fails), progress=look)


def test_progress_of_a_run_that_was_started_or_awaited(start):
    for way in ("start", "arun"):
        seen = []
        g = chain(emit(*range(5)), relay())
        if way == "start":
            start(g, progress=seen.append).join()
        else:
            asyncio.run(g.arun(num_workers=start.workers, progress=seen.append))
        assert not seen[-1].running
        assert seen[-1].components["c1"].items_in == 5


def test_what_a_function_raises_comes_out_of_every_join():
    run = chain(emit(1)).start(num_workers=0, progress=lambda _: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            run.join()


@pytest.mark.parametrize(
    ("progress", "error"),
    [
        ("yes", TypeError),
        (None, TypeError),
        (0, ValueError),
        (-1.0, ValueError),
        (float("nan"), ValueError),
        (float("inf"), ValueError),
    ],
)
def test_progress_that_says_nothing_is_refused(progress, error):
    with pytest.raises(error, match=r"^progress=.*give True, the seconds between two updates, or a function"):
        chain(emit(1)).run(num_workers=0, progress=progress)


def test_a_run_with_progress_may_still_fork():
    report = chain(emit(1)).run(num_workers=1, progress=lambda _: None)
    assert report.start_method == "fork"
