"""Workers killed from outside, at random moments under full load: wherever in a channel's code they are, the run ends.

A worker that ends by its own hand does so between two steps of its loop. These are hit in the middle of anything: with
the lock of a ring, between a push and the bell, with an array half written.
"""

# ruff: noqa: N802  components are named as classes are

import os
import random
import signal
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from faultlib import descendants, note, notes, until

from cascata import Graph, WorkerDied, component, inport, outport

pytestmark = pytest.mark.once

SENDERS = 2
ROUNDS = 6
"""Runs for each kind of load; each ends within a few tenths of a second."""


def flood(payload, capacity):
    """Two that send without end, into one channel; through it to a third worker."""

    @component
    @outport("out")
    async def Source(out):
        note(f"sends {os.getpid()}")
        while await out.send(payload):
            pass

    @component
    @inport("value", capacity=capacity)
    @outport("out")
    async def Pass(value, out):
        await out.send(value)

    @component
    @inport("value", capacity=capacity)
    async def Sink(value):
        assert np.all(value == payload)

    graph = Graph()
    graph.add("middle", Pass)
    graph.add("sink", Sink)
    for number in range(SENDERS):
        source = graph.add(f"source{number}", Source)
        source.out >> graph.middle.value
        graph.place(source, worker=number)
    graph.middle.out >> graph.sink.value
    graph.place(graph.middle, worker=SENDERS)
    graph.place(graph.sink, worker=SENDERS + 1)
    return graph


LOADS = {
    "ints at capacity 1": (7, 1),
    "ints at capacity 64": (7, 64),
    "arrays at capacity 1": (np.arange(300_000), 1),
    "arrays at capacity 8": (np.arange(30_000), 8),
}


@pytest.mark.parametrize("load", LOADS)
def test_at_a_random_moment_of_a_flood(load):
    graph = flood(*LOADS[load])
    for _ in range(ROUNDS):
        seen = len(notes())
        run = graph.start(num_workers=SENDERS + 2)
        until(lambda seen=seen: len(notes()) == seen + SENDERS)
        workers = [process.pid for process in descendants(os.getpid()) if process.state not in "ZX"]
        time.sleep(random.uniform(0, 0.05))  # noqa: S311  to hit anything
        victim = random.choice(workers)  # noqa: S311
        os.kill(victim, signal.SIGKILL)
        with pytest.raises(WorkerDied) as caught:
            run.join()
        assert caught.value.signal == signal.SIGKILL


def test_several_at_random_moments_of_a_flood():
    """The second is killed while the run already ends for the first."""
    graph = flood(np.arange(30_000), 2)
    for _ in range(ROUNDS):
        seen = len(notes())
        run = graph.start(num_workers=SENDERS + 2)
        until(lambda seen=seen: len(notes()) == seen + SENDERS)
        workers = [process.pid for process in descendants(os.getpid()) if process.state not in "ZX"]

        def kill(victim):
            time.sleep(random.uniform(0, 0.05))  # noqa: S311
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

        killers = [threading.Thread(target=kill, args=(victim,)) for victim in random.sample(workers, 3)]
        for killer in killers:
            killer.start()
        with pytest.raises(WorkerDied) as caught:
            run.join()
        for killer in killers:
            killer.join()
        assert caught.value.signal == signal.SIGKILL
