"""Dead runs: every unfinished component waits for a channel. Those where one waits for anything else live."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import threading
import time
from collections import Counter

import pytest
from faultlib import for_ever, note, noted, notes, states

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, component, inport, outport, persist
from cascata.run.quiet import RETRY

WORKERS = (0, 1, 2, 3, 4, 5)

DEADLINE = 30.0
"""The `timeout=` of runs that are dead: what must be found out is not left to it."""


def closed(name):
    note(f"{name} closed")


@component
@outport("left")
@outport("right")
@persist("kept", lambda: "source", close=closed)
async def Source(left, right, kept):
    """Sends twice as much to the left; then no pair is left to be made, and the port on the right stays open."""
    note("source began")
    try:
        for number in range(100):
            await left.send(number)
            await left.send(number)
            await right.send(number)
    finally:
        note("source finally")


@component
@inport("left", capacity=4)
@inport("right", capacity=4)
@outport("out")
@persist("kept", lambda: "zip", close=closed)
async def Zip(left, right, out, kept):
    await out.send((left, right))


@Zip.finish
async def finish_zip(out, kept):
    note("zip finish")


@component
@inport("value", capacity=2)
async def Take(value):
    pass


@Take.finish
async def finish_take():
    note("take finish")


def dead(graph, num_workers, **options):
    with pytest.raises(DeadlockError) as caught:
        graph.run(num_workers=num_workers, timeout=DEADLINE, **options)
    return caught.value.issues


def starving_zip():
    """The left port fills up; the source waits there, so nothing comes on the right."""
    graph = Graph()
    for name, definition in (("source", Source), ("zip", Zip), ("take", Take)):
        graph.add(name, definition)
    graph.source.left >> graph.zip.left
    graph.source.right >> graph.zip.right
    graph.zip.out >> graph.take.value
    return graph


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_starving_zip(num_workers):
    issues = dead(starving_zip(), num_workers)
    assert sorted(issues) == [
        "source waits for room behind source.left: zip.left (4 of 4 inside)",
        "take waits for an item at take.value (0 of 2 inside)",
        "zip waits for an item at zip.right (0 of 4 inside)",
    ]
    seen = Counter(notes())
    assert seen == Counter(["source began", "source finally", "source closed", "zip closed"])


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_the_message_says_what_it_is_about(num_workers):
    with pytest.raises(DeadlockError) as caught:
        starving_zip().run(num_workers=num_workers)
    text = str(caught.value)
    assert "nothing can move any more" in text
    for part in ("source", "zip.left (4 of 4 inside)", "zip.right (0 of 4 inside)", "take.value (0 of 2 inside)"):
        assert part in text


@component
@outport("out")
async def Twenty(out):
    for number in range(20):
        await out.send(number)


@component
@inport("value", capacity=3)
@inport("partner", capacity=3)
async def Joined(value, partner):
    pass


@component
@inport("value", capacity=2)
@outport("out")
async def Third(value, out):
    if value % 3 == 0:
        await out.send(value)


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_full_fan_out(num_workers):
    """One branch filters, the other does not, and they are zipped: the fan-out stops when the fuller one is full."""
    graph = Graph()
    graph.add("source", Twenty)
    graph.add("third", Third)
    graph.add("joined", Joined)
    graph.source.out >> graph.third.value
    graph.source.out >> graph.joined.value
    graph.third.out >> graph.joined.partner
    issues = dead(graph, num_workers)
    assert sorted(issues) == [
        "joined waits for an item at joined.partner (0 of 3 inside)",
        "source waits for room behind source.out: joined.value (3 of 3 inside)",
        "third waits for an item at third.value (0 of 2 inside)",
    ]


@component
@inport("value", capacity=2)
@outport("out")
@outport("back")
async def Doubling(value, out, back):
    await out.send(value)
    await back.send(value)
    await back.send(value)


@component
@inport("value", capacity=2)
@outport("out")
async def Pass(value, out):
    await out.send(value)


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_loop_that_multiplies_items(num_workers):
    """Its bounded ports fill up, and everybody in it waits for room."""
    graph = Graph()
    graph.add("doubling", Doubling)
    graph.add("back", Pass)
    graph.doubling.value < 1
    graph.doubling.back >> graph.back.value
    graph.back.out >> graph.doubling.value
    issues = dead(graph, num_workers)
    back, doubling = sorted(issues)
    assert back.startswith("back waits for room behind back.out: doubling.value (2 of 2 inside)")
    assert doubling.startswith("doubling waits for room behind doubling.back: back.value (2 of 2 inside)")
    assert "capacity=None at doubling.value" in back
    assert "capacity=None at back.value" in doubling


@component
@inport("start", capacity=2)
@inport("token", capacity=2)
@outport("out")
async def NeedsToken(start, token, out):
    await out.send(start + token)


@component
@inport("value", capacity=2)
@outport("out")
async def Swallow(value, out):
    note(f"swallowed {value}")


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_loop_whose_token_is_lost(num_workers):
    """The check before the run cannot know that the loop gives nothing back; the source blocks before it."""
    graph = Graph()
    graph.add("source", Twenty)
    graph.add("needs", NeedsToken)
    graph.add("swallow", Swallow)
    graph.needs.token < 1
    graph.source.out >> graph.needs.start
    graph.needs.out >> graph.swallow.value
    graph.swallow.out >> graph.needs.token
    issues = dead(graph, num_workers)
    assert sorted(issues) == [
        "needs waits for an item at needs.token (0 of 2 inside)",
        "source waits for room behind source.out: needs.start (2 of 2 inside)",
        "swallow waits for an item at swallow.value (0 of 2 inside)",
    ]
    assert notes() == ["swallowed 1"]


def test_a_loop_that_never_had_a_token_is_found_before_the_run():
    graph = Graph()
    graph.add("one", Pass)
    graph.add("two", Pass)
    graph.one.out >> graph.two.value
    graph.two.out >> graph.one.value
    with pytest.raises(DeadlockError) as caught:
        graph.run(num_workers=2)
    assert any("one" in issue for issue in caught.value.issues)


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_two_sources_in_unequal_steps(num_workers):
    """Through `clk` ports and a zip behind them: dead only after many items have moved."""

    @component
    @inport("a", capacity=2)
    @inport("b", capacity=2)
    @outport("of_a")
    @outport("of_b")
    async def Route(a, b, of_a, of_b):
        await of_a.send(a)
        if b % 50 != 49:
            await of_b.send(b)

    @component
    @outport("a")
    @outport("b")
    async def Both(a, b):
        for number in range(1000):
            await a.send(number)
            await b.send(number)

    graph = Graph()
    for name, definition in (("both", Both), ("route", Route), ("joined", Joined)):
        graph.add(name, definition)
    graph.both.a >> graph.route.a
    graph.both.b >> graph.route.b
    graph.route.of_a >> graph.joined.value
    graph.route.of_b >> graph.joined.partner
    issues = dead(graph, num_workers)
    assert len(issues) == 3
    assert any(issue == "joined waits for an item at joined.partner (0 of 3 inside)" for issue in issues)


@pytest.mark.parametrize("num_workers", WORKERS)
def test_finished_components_are_not_named(num_workers):
    @component
    async def Short():
        note("short")

    graph = starving_zip()
    graph.add("short", Short)
    assert not any("short" in issue for issue in dead(graph, num_workers))
    assert "short" in notes()


@pytest.mark.parametrize("num_workers", WORKERS)
def test_several_dead_parts_are_all_named(num_workers):
    graph = Graph()
    for part in "ab":
        for name, definition in (("source", Source), ("zip", Zip), ("take", Take)):
            graph.add(f"{name}_{part}", definition)
        graph.nodes[f"source_{part}"].left >> graph.nodes[f"zip_{part}"].left
        graph.nodes[f"source_{part}"].right >> graph.nodes[f"zip_{part}"].right
        graph.nodes[f"zip_{part}"].out >> graph.nodes[f"take_{part}"].value
    issues = dead(graph, num_workers)
    assert len(issues) == 6
    assert {issue.split()[0] for issue in issues} == set(graph.nodes)


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_a_dead_run_that_was_started(num_workers):
    run = starving_zip().start(num_workers=num_workers, timeout=DEADLINE)
    with pytest.raises(DeadlockError, match="nothing can move"):
        run.join()
    with pytest.raises(DeadlockError), starving_zip().start(num_workers=num_workers, timeout=DEADLINE):
        pass


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_a_dead_run_in_an_event_loop(num_workers):
    async def main():
        with pytest.raises(DeadlockError):
            await starving_zip().arun(num_workers=num_workers, timeout=DEADLINE)

    asyncio.run(main())


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_what_is_collected_does_not_keep_it_alive(num_workers):
    graph = starving_zip()
    assert len(dead(graph, num_workers, collect=[graph.zip.out])) == 3


@pytest.mark.parametrize("num_workers", WORKERS)
def test_dead_after_a_busy_life(num_workers):
    """Nothing of what has been going on before counts."""

    @component
    @outport("out")
    @outport("other")
    async def Busy(out, other):
        for number in range(3000):
            await out.send(number)
            if number < 2000:
                await other.send(number)
        await asyncio.sleep(0.05)
        await out.send(0)

    @component
    @inport("value")
    @inport("partner")
    @outport("out")
    async def Pair(value, partner, out):
        await out.send(value + partner)

    graph = Graph()
    for name, definition in (("busy", Busy), ("pair", Pair), ("take", Take)):
        graph.add(name, definition)
    graph.busy.out >> graph.pair.value
    graph.busy.other >> graph.pair.partner
    graph.pair.out >> graph.take.value
    issues = dead(graph, num_workers)
    assert "pair waits for an item at pair.partner (0 of 10 inside)" in issues


# What lives.


def alive(graph, num_workers, seconds=0.6):
    """Run what can never end by itself; give what the timeout says. It was no dead run."""
    with pytest.raises(RunTimeout) as caught:
        graph.run(num_workers=num_workers, timeout=seconds)
    return states(caught.value)


@component
@persist("seconds", float)
async def Sleeper(seconds):
    note("sleeper began")
    await asyncio.sleep(seconds.get())
    note("sleeper ended")


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_another_component_sleeps(num_workers):
    """It could do anything when it wakes; then the run is dead."""
    graph = starving_zip()
    graph.add("sleeper", Sleeper).seconds < 0.5
    assert len(dead(graph, num_workers)) == 3
    assert "sleeper ended" in notes()


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_another_component_sleeps_for_ever(num_workers):
    graph = starving_zip()
    graph.add("sleeper", Sleeper).seconds < 1000
    states = alive(graph, num_workers)
    assert states.keys() == {"source", "zip", "take", "sleeper"}
    assert states["sleeper"] == "awaits something that is no channel"
    assert states["zip"] == "waits for an item at zip.right (0 of 4 inside)"


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_a_thread_of_a_component_still_works(num_workers):
    @component
    async def Threading():
        await asyncio.to_thread(time.sleep, 0.4)
        note("thread ended")

    graph = starving_zip()
    graph.add("threading", Threading)
    assert len(dead(graph, num_workers)) == 3
    assert "thread ended" in notes()


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_a_component_computes(num_workers):
    """Its worker's loop is blocked: it cannot even answer."""

    @component
    async def Computing():
        time.sleep(0.5)  # noqa: ASYNC251  that it blocks the loop is the point
        note("computed")

    graph = starving_zip()
    graph.add("computing", Computing)
    assert len(dead(graph, num_workers)) == 3
    assert "computed" in notes()


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_gather_over_sends_counts_as_alive(num_workers):
    @component
    @outport("left")
    @outport("right")
    async def Gathering(left, right):
        await asyncio.gather(*(left.send(number) for number in range(20)))
        await right.send(0)

    graph = Graph()
    graph.add("gathering", Gathering)
    graph.add("zip", Zip)
    graph.gathering.left >> graph.zip.left
    graph.gathering.right >> graph.zip.right
    states = alive(graph, num_workers)
    assert states["gathering"] == "awaits something that is no channel"
    assert "zip.right (0 of 4 inside)" in states["zip"]


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_send_within_a_timeout_counts_as_alive(num_workers):
    """The component can go on when its timeout has passed; and does."""

    @component
    @outport("left")
    @outport("right")
    async def Trying(left, right):
        sent = 0
        for number in range(10):
            try:
                async with asyncio.timeout(0.3):
                    await left.send(number)
                    sent += 1
            except TimeoutError:
                note(f"gave up after {sent}")
                await right.send(number)
                return

    graph = Graph()
    graph.add("trying", Trying)
    graph.add("zip", Zip)
    graph.trying.left >> graph.zip.left
    graph.trying.right >> graph.zip.right
    report = graph.run(num_workers=num_workers, timeout=DEADLINE)
    assert notes()[0] == "gave up after 4"
    assert report.components["zip"].firings == 1


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_task_of_a_component_keeps_a_run_alive(num_workers):
    """Its component waits for a channel; the task may still send what it waits for."""
    kept = []

    @component
    @outport("left")
    @outport("right")
    async def Starting(left, right):
        async def later():
            await asyncio.sleep(0.4)
            for number in range(10):
                await right.send(number)

        kept.append(asyncio.create_task(later()))
        for number in range(10):
            await left.send(number)
        await kept[0]
        kept.clear()

    graph = Graph()
    graph.add("starting", Starting)
    graph.add("zip", Zip)
    graph.starting.left >> graph.zip.left
    graph.starting.right >> graph.zip.right
    report = graph.run(num_workers=num_workers, timeout=DEADLINE)
    assert report.components["zip"].firings == 10


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_timer_of_a_component_keeps_a_run_alive(num_workers):
    """What a library has put into the loop, with no task of its own, may still wake somebody: here it cannot be seen
    what a component awaits, only that it is no channel."""

    @component
    @outport("out")
    async def Timed(out):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.4, future.set_result, 7)
        await out.send(await future)

    graph = Graph()
    graph.add("timed", Timed)
    graph.add("take", Take)
    graph.timed.out >> graph.take.value
    assert graph.run(num_workers=num_workers, timeout=DEADLINE).components["take"].firings == 1


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_timer_that_has_just_expired_keeps_a_run_alive(num_workers):
    """The loop is late: it looks for a dead run in the very turn in which a send's timeout passes."""

    @component
    @outport("left")
    @outport("right")
    async def Late(left, right):
        for number in range(4):
            await left.send(number)
        # Between the first look for a dead run and the next, and until the timeout has passed.
        asyncio.get_running_loop().call_later(RETRY / 2, time.sleep, 2 * RETRY)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5 * RETRY):
                await left.send(4)
        await right.send(0)

    graph = Graph()
    graph.add("late", Late)
    graph.add("zip", Zip)
    graph.late.left >> graph.zip.left
    graph.late.right >> graph.zip.right
    assert graph.run(num_workers=num_workers, timeout=DEADLINE).components["zip"].firings == 1


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_thread_that_sets_what_is_awaited(num_workers):
    @component
    @outport("out")
    async def Threaded(out):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        timer = threading.Timer(0.4, lambda: loop.call_soon_threadsafe(future.set_result, 7))
        timer.start()
        await out.send(await future)
        timer.join()

    graph = Graph()
    graph.add("threaded", Threaded)
    graph.add("take", Take)
    graph.threaded.out >> graph.take.value
    assert graph.run(num_workers=num_workers, timeout=DEADLINE).components["take"].firings == 1


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_failure_beats_a_dead_run(num_workers):
    @component
    async def Failing():
        await noted("source began")
        await asyncio.sleep(0.1)
        msg = "first"
        raise ValueError(msg)

    graph = starving_zip()
    graph.add("failing", Failing)
    with pytest.raises(ComponentError, match="first"):
        graph.run(num_workers=num_workers, timeout=DEADLINE)


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_failures_on_the_way_out_of_a_dead_run(num_workers):
    @component
    @outport("left")
    @outport("right")
    async def Failing(left, right):
        try:
            for number in range(10):
                await left.send(number)
        finally:
            msg = "on the way out"
            raise KeyError(msg)

    graph = Graph()
    graph.add("failing", Failing)
    graph.add("zip", Zip)
    graph.failing.left >> graph.zip.left
    graph.failing.right >> graph.zip.right
    dead(graph, num_workers)


@pytest.mark.parametrize("num_workers", [1, 2, 3])
def test_many_short_runs_are_never_taken_for_dead(num_workers):
    """Workers fall asleep and wake all the time; none of the moments in between counts."""
    for size in range(30):

        @component
        @outport("out")
        @persist("size", int)
        async def Bursts(out, size):
            for number in range(size.get()):
                await out.send(number)
                if number % 7 == 0:
                    await asyncio.sleep(0)

        graph = Graph()
        graph.add("bursts", Bursts).size < size * 3
        for name in ("one", "two"):
            graph.add(name, Pass)
        graph.add("take", Take)
        graph.bursts.out >> graph.one.value
        graph.one.out >> graph.two.value
        graph.two.out >> graph.take.value
        report = graph.run(num_workers=num_workers, timeout=DEADLINE)
        assert report.components["take"].firings == size * 3


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_component_that_waits_for_ever_is_no_dead_run(num_workers):
    @component
    async def Waiting():
        await for_ever("waiting")

    graph = Graph()
    graph.add("waiting", Waiting)
    assert alive(graph, num_workers, 0.4) == {"waiting": "awaits something that is no channel"}


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_one_way_to_a_port_is_full_and_not_the_port(num_workers):
    """Results that are gathered have room of their own there; six are taken instead of what the source sends."""

    @component
    @outport("out")
    async def Many(out):
        while await out.send(0):
            pass

    @component
    @outport("out")
    async def One(out):
        await out.send(1)

    @component
    @inport("value")
    @outport("out")
    async def Six(value, out):
        for _ in range(6):
            await out.send(value)

    graph = Graph()
    for name, definition in (("source", Many), ("one", One), ("group", Six * 2), ("zip", Zip)):
        graph.add(name, definition)
    graph.source.out >> graph.zip.left
    graph.source.out >> graph.zip.right
    graph.one.out >> graph.group.value
    graph.group.out >> graph.zip.left
    assert sorted(dead(graph, num_workers)) == [
        "source waits for room or its turn behind source.out: zip.left (5 of 12 inside)",
        "zip waits for an item at zip.right (0 of 4 inside)",
    ]
