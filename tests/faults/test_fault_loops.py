"""Faults within a feedback loop: they end the run as anywhere else, and the loop never ends it as if nothing were."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import os
import signal

import pytest
from faultlib import note, notes, states

from cascata import ComponentError, DeadlockError, Graph, RunTimeout, WorkerDied, component, inport, outport

pytestmark = pytest.mark.once

WORKERS = (0, 1, 2, 3)

DEADLINE = 30.0
"""The `timeout=` of runs that end without it."""


@component
@inport("number", capacity=2)
@outport("out")
async def Relay(number, out):
    await out.send(number)


@Relay.finish
async def finish_relay(out):
    note("relay finish")


def loop(victim, *, start=50):
    """Put a component into a loop with two others."""
    graph = Graph()
    graph.add("victim", victim)
    for name in ("one", "two"):
        graph.add(name, Relay)
    graph.victim.out >> graph.one.number
    graph.one.out >> graph.two.number
    graph.two.out >> graph.victim.number
    graph.victim.number < start
    return graph


def run(graph, num_workers, **options):
    for index, node in enumerate(graph.nodes.values() if num_workers > 1 else ()):
        graph.place(node, worker=index % num_workers)
    return graph.run(num_workers=num_workers, timeout=DEADLINE, **options)


@pytest.mark.parametrize("num_workers", WORKERS)
@pytest.mark.parametrize("when", [50, 25, 0])
def test_an_exception_in_a_firing(num_workers, when):
    """No finish function runs: the loop has not ended."""

    @component
    @inport("number")
    @outport("out")
    async def Victim(number, out):
        if number == when:
            msg = "oh"
            raise ValueError(msg)
        await out.send(number - 1)

    with pytest.raises(ComponentError) as caught:
        run(loop(Victim), num_workers)
    assert (caught.value.component, caught.value.inputs) == ("victim", {"number": repr(when)})
    assert caught.value.others == []
    assert notes() == []


@pytest.mark.parametrize("num_workers", WORKERS)
def test_an_exception_in_a_finish_function(num_workers):
    """The loop has ended; some others finish, and some are stopped before."""

    @component
    @inport("number")
    @outport("out")
    async def Victim(number, out):
        if number:
            await out.send(number - 1)

    @Victim.finish
    async def finish(out):
        assert await out.send(1) is False
        msg = "oh"
        raise ValueError(msg)

    with pytest.raises(ComponentError, match="oh"):
        run(loop(Victim), num_workers)
    assert set(notes()) <= {"relay finish"}


@pytest.mark.parametrize("num_workers", [1, 2, 3])
@pytest.mark.parametrize("when", [50, 25, 0])
def test_a_worker_is_killed(num_workers, when):
    @component
    @inport("number")
    @outport("out")
    async def Victim(number, out):
        if number == when:
            os.kill(os.getpid(), signal.SIGKILL)
        await out.send(number - 1)

    with pytest.raises(WorkerDied) as caught:
        run(loop(Victim), num_workers)
    assert caught.value.signal == signal.SIGKILL
    assert notes() == []


@pytest.mark.parametrize("num_workers", [2, 3])
def test_a_worker_is_killed_while_the_loop_rests(num_workers):
    """It takes with it what it would have sent into the loop, which therefore does not end."""

    @component
    @inport("number")
    @outport("out")
    async def Victim(number, out):
        if number:
            await out.send(number - 1)

    @component
    @outport("out")
    async def Feeder(out):
        await asyncio.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)

    graph = loop(Victim)
    graph.add("feeder", Feeder)
    graph.feeder.out >> graph.victim.number
    with pytest.raises(WorkerDied):
        run(graph, num_workers)
    assert notes() == []


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_timeout(num_workers):
    @component
    @inport("number")
    @outport("out")
    async def Victim(number, out):
        if number == 25:
            await asyncio.Event().wait()
        await out.send(number - 1)

    graph = loop(Victim)
    with pytest.raises(RunTimeout) as caught:
        graph.run(num_workers=num_workers, timeout=0.5)
    assert states(caught.value) == {
        "victim": "awaits something that is no channel",
        "one": "waits for an item at one.number (0 of 2 inside)",
        "two": "waits for an item at two.number (0 of 2 inside)",
    }
    assert notes() == []


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_loop_before_a_graph_that_is_dead(num_workers):
    """The loop ends; what is dead behind it is told without it."""

    @component
    @inport("number")
    @outport("out")
    async def Victim(number, out):
        if number:
            await out.send(number - 1)

    @component
    @inport("left", capacity=4)
    @inport("right", capacity=4)
    async def Zip(left, right):
        pass

    @component
    @outport("left")
    @outport("right")
    async def Source(left, right):
        for number in range(100):
            await left.send(number)
            if number % 2:
                await right.send(number)

    graph = loop(Victim)
    graph.add("source", Source)
    graph.add("zip", Zip)
    graph.source.left >> graph.zip.left
    graph.source.right >> graph.zip.right
    with pytest.raises(DeadlockError) as caught:
        run(graph, num_workers)
    assert {issue.split()[0] for issue in caught.value.issues} == {"source", "zip"}
    assert sorted(notes()) == ["relay finish", "relay finish"]


@pytest.mark.parametrize("num_workers", WORKERS)
def test_a_loop_whose_abandoned_send_waits_for_ever(num_workers):
    """No firing runs, but a send waits, for room before a zip that nothing goes through any more."""

    @component
    @inport("number")
    @outport("both")
    @outport("left")
    async def Victim(number, both, left):
        for index in range(4):
            try:
                async with asyncio.timeout(0.05):
                    await both.send(index)
            except TimeoutError:
                pass

    @component
    @inport("left", capacity=1)
    @inport("right")
    @outport("out")
    async def Zip(left, right, out):
        await out.send(left)

    @component
    @inport("number", capacity=None)
    @outport("out")
    async def Swallow(number, out):
        pass

    graph = Graph()
    graph.add("victim", Victim)
    graph.add("zip", Zip)
    graph.add("swallow", Swallow)
    graph.victim.number < 1
    graph.victim.both >> graph.swallow.number >> graph.zip.left
    graph.victim.left >> graph.zip.right
    graph.zip.out >> graph.victim.number
    graph.swallow.out >> graph.victim.number
    with pytest.raises(DeadlockError) as caught:
        run(graph, num_workers)
    assert any(issue.startswith("zip waits for an item at zip.right") for issue in caught.value.issues)
