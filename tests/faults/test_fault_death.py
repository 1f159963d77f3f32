"""Worker processes that die, whatever kills them; in which place they do is a matter of `test_fault_matrix.py`."""

# ruff: noqa: N802, T201  components are named as classes are; some print

import asyncio
import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
import time

import pytest
from faultgraph import build, check_notes
from faultlib import for_ever, note, noted, notes, place_of, script, until

from cascata import ComponentError, Graph, RunTimeout, WorkerDied, component, inport, outport, persist

pytestmark = pytest.mark.once

PROCESSES = (1, 2, 5)


def sigkill():
    os.kill(os.getpid(), signal.SIGKILL)


def sigterm():
    os.kill(os.getpid(), signal.SIGTERM)


def sigsegv():
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)


def sigabrt():
    faulthandler.disable()
    os.abort()


def exit_0():
    os._exit(0)


def exit_3():
    os._exit(3)


def null_pointer():
    faulthandler.disable()
    ctypes.string_at(0)


ENDINGS = {
    sigkill: (None, signal.SIGKILL),
    sigterm: (None, signal.SIGTERM),
    sigsegv: (None, signal.SIGSEGV),
    sigabrt: (None, signal.SIGABRT),
    null_pointer: (None, signal.SIGSEGV),
    exit_0: (0, None),
    exit_3: (3, None),
}


def check_died(error, ending, graph, name, num_workers):
    worker, components = place_of(graph, name, num_workers)
    assert (error.exitcode, error.signal) == ENDINGS[ending]
    assert error.worker == worker
    assert error.components == components
    assert f"worker {worker}" in str(error)
    assert all(name in str(error) for name in components)
    if error.signal is not None:
        assert signal.Signals(error.signal).name in str(error)
    else:
        assert f"exited with code {error.exitcode}" in str(error)
    assert all(isinstance(other, WorkerDied | ComponentError) for other in error.others)
    return components


@pytest.mark.parametrize("num_workers", [1, 2])
@pytest.mark.parametrize("place", ["initialiser", "mid-stream", "blocked", "close hook"])
@pytest.mark.parametrize("ending", [e for e in ENDINGS if e not in (sigkill, exit_0)], ids=lambda e: e.__name__)
def test_every_ending(ending, place, num_workers):
    graph = build(place, ending)
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=num_workers)
    check_notes(place, killed=check_died(caught.value, ending, graph, "victim", num_workers))


@component
@outport("out")
async def Endless(out):
    try:
        number = 0
        while await out.send(number):
            number += 1
    finally:
        note("endless finally")


@component
@inport("value", capacity=4)
@outport("out")
async def Pass(value, out):
    await out.send(value)


@component
@inport("value", capacity=4)
async def Take(value):
    pass


def call_later(seconds, ending):
    """An initialiser that lets a worker die on its own, whatever its components do meanwhile."""
    asyncio.get_running_loop().call_later(seconds, ending)


def call_when_noted(text, ending):
    def look():
        if text in notes():
            ending()
        else:
            call_later(0.005, look)

    look()


@component
@inport("value")
@persist("death", call_when_noted)
async def WaitingVictim(value, death):
    note("fired")


@component
@outport("out")
async def Silent(out):
    await for_ever("silent")


@pytest.mark.parametrize("num_workers", PROCESSES)
@pytest.mark.parametrize("ending", [sigkill, exit_3], ids=lambda ending: ending.__name__)
def test_while_the_component_waits_for_an_item(ending, num_workers):
    graph = Graph()
    graph.add("silent", Silent)
    graph.add("victim", WaitingVictim).death < ("silent began", ending)
    graph.silent.out >> graph.victim.value
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=num_workers)
    check_died(caught.value, ending, graph, "victim", num_workers)
    assert notes() == (["silent began"] if num_workers == 1 else ["silent began", "silent finally"])


@component
@inport("value", capacity=3)
async def Jam(value):
    await for_ever("jam")


@component
@outport("out")
@persist("death", call_later)
async def BlockedVictim(out, death):
    while True:
        await out.send("x" * 100)


@pytest.mark.parametrize("num_workers", PROCESSES)
@pytest.mark.parametrize("ending", [sigkill, exit_3], ids=lambda ending: ending.__name__)
def test_while_the_component_waits_for_room(ending, num_workers):
    graph = Graph()
    graph.add("victim", BlockedVictim).death < (0.05, ending)
    graph.add("jam", Jam)
    graph.victim.out >> graph.jam.value
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=num_workers)
    check_died(caught.value, ending, graph, "victim", num_workers)


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.03, 0.06, 0.1])
@pytest.mark.parametrize("victim", ["first", "second", "third"])
def test_a_death_at_any_moment_of_a_busy_run(victim, delay):
    """Wherever in the rings' code the process is, the others end."""
    graph = Graph()

    @component
    @persist("death", call_later)
    async def Reaper(death):
        pass

    graph.add("first", Endless)
    graph.add("second", Pass)
    graph.add("third", Take)
    graph.first.out >> graph.second.value
    graph.second.out >> graph.third.value
    graph.add("reaper", Reaper).death < (delay, sigkill)
    for worker, name in enumerate(["first", "second", "third"]):
        graph.place(graph.nodes[name], worker=worker)
    graph.place(graph.reaper, worker=["first", "second", "third"].index(victim))
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=3)
    assert set(caught.value.components) == {victim, "reaper"}
    assert notes() == ([] if victim == "first" else ["endless finally"])


def test_a_signal_from_outside():

    @component
    @inport("value")
    @persist("number", lambda: note(f"worker {os.getpid()}"))
    async def Numbered(value, number):
        note("fired")

    graph = Graph()
    graph.add("silent", Silent)
    graph.add("victim", Numbered)
    graph.silent.out >> graph.victim.value
    run = graph.start(num_workers=2)
    until(lambda: {"silent began"} < set(notes()))
    (pid,) = [int(text.split()[1]) for text in notes() if text.startswith("worker ")]
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied) as caught:
        run.join()
    check_died(caught.value, sigkill, graph, "victim", 2)


def test_two_workers_die_at_once():
    @component
    @persist("death", call_when_noted)
    async def Dying(death):
        await for_ever("dying")

    graph = Graph()
    for number in range(3):
        name = f"dying{number}"
        graph.add(name, Dying).death < ("go", sigkill)
        graph.place(graph.nodes[name], worker=number)
    run = graph.start(num_workers=3)
    until(lambda: notes().count("dying began") == 3)
    note("go")
    with pytest.raises(WorkerDied) as caught:
        run.join()
    failures = [caught.value, *caught.value.others]
    assert all(type(failure) is WorkerDied for failure in failures)
    workers = [failure.worker for failure in failures]
    assert len(set(workers)) == len(workers)


def test_a_death_after_a_failure_is_in_others():
    """The first failure is raised; a worker that then dies on its way out is told of, too."""

    @component
    async def Failing():
        await noted("dying began")
        msg = "first"
        raise ValueError(msg)

    @component
    async def Dying():
        try:
            await for_ever("dying")
        finally:
            sigkill()

    graph = Graph()
    graph.add("failing", Failing)
    graph.add("dying", Dying)
    graph.place(graph.failing, worker=0)
    graph.place(graph.dying, worker=1)
    with pytest.raises(ComponentError, match="first") as caught:
        graph.run(num_workers=2)
    (other,) = caught.value.others
    assert isinstance(other, WorkerDied)
    assert (other.worker, other.components, other.signal) == (1, ["dying"], signal.SIGKILL)


def test_a_death_explains_itself_by_what_was_printed_before(capfd):
    @component
    async def Dying():
        print("last words")
        print("no newline", end="", flush=True)
        os._exit(3)

    graph = Graph()
    graph.add("dying", Dying)
    with pytest.raises(WorkerDied):
        graph.run(num_workers=1)
    assert capfd.readouterr().out == "last words\nno newline"


def test_components_that_have_ended_are_still_those_of_the_worker():
    @component
    async def Short():
        note("short")

    @component
    async def Dying():
        await noted("short")
        sigkill()

    graph = Graph()
    graph.add("short", Short)
    graph.add("dying", Dying)
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=1)
    assert caught.value.components == ["short", "dying"]


def test_a_grandchild_that_holds_the_pipe_delays_nothing():
    """A process that a component forked shares the worker's descriptors: no end of file comes from the dead worker."""

    @component
    async def Forking():
        if (child := os.fork()) == 0:
            note("grandchild")
            signal.alarm(30)
            signal.pause()
            os._exit(0)
        note(f"child {child}")
        await noted("grandchild")
        sigkill()

    graph = Graph()
    graph.add("forking", Forking)
    try:
        with pytest.raises(WorkerDied):
            graph.run(num_workers=1)
    finally:
        (child,) = [int(text.split()[1]) for text in notes() if text.startswith("child ")]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_out_of_memory():
    """What the kernel does under pressure, by an address-space limit: MemoryError is the component's own failure."""

    @component
    async def Greedy():
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        hoard = bytearray(64 << 40)
        note(f"got {len(hoard)}")

    graph = Graph()
    graph.add("greedy", Greedy)
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=1)
    assert type(caught.value.__cause__) is MemoryError


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_stopped_worker_is_killed_after_the_timeout(num_workers, impatient):
    @component
    async def Stopping():
        await noted("silent began")
        note(f"worker {os.getpid()}")
        os.kill(os.getpid(), signal.SIGSTOP)

    graph = Graph()
    graph.add("silent", Silent)
    graph.add("stopping", Stopping)
    graph.add("take", Take)
    graph.silent.out >> graph.take.value
    graph.place(graph.stopping, worker=num_workers - 1)
    graph.place(graph.silent, worker=0)
    with pytest.raises(RunTimeout) as caught:
        graph.run(num_workers=num_workers, timeout=0.5)
    assert caught.value.components.keys() >= {"silent", "stopping"}
    assert "silent finally" in notes() or num_workers == 1
    (pid,) = [int(text.split()[1]) for text in notes() if text.startswith("worker ")]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_worker_stopped_in_the_middle_of_a_message_is_killed_after_the_timeout(impatient, monkeypatch):
    """The caller must not wait for the rest of the message."""

    class SlowStream:
        """Keeps the caller busy until the worker's next message fills the pipe."""

        def write(self, text):
            if text == "busy\n":
                until(lambda: "printing" in notes())
                time.sleep(0.3)

        def flush(self):
            pass

    @component
    async def Printing():
        print("busy")
        threading.Timer(0.15, lambda: os.kill(os.getpid(), signal.SIGSTOP)).start()
        note("printing")
        print("x" * (8 << 20))

    monkeypatch.setattr(sys, "stdout", SlowStream())
    graph = Graph()
    graph.add("printing", Printing)
    with pytest.raises(RunTimeout):
        graph.run(num_workers=1, timeout=1.0)


def test_a_death_with_thousands_of_items_in_flight():
    @component
    @inport("value", capacity=5000)
    @outport("out")
    async def Big(value, out):
        await out.send({"value": value, "text": "x" * 300})

    @component
    @inport("value", capacity=5000)
    async def Slow(value):
        if value["value"] == 3:
            await noted("source done")
            sigkill()

    @component
    @outport("out")
    async def Fast(out):
        for number in range(8000):
            if number == 6000:
                note("source done")
            await out.send(number)

    graph = Graph()
    graph.add("fast", Fast)
    graph.add("big", Big)
    graph.add("slow", Slow)
    graph.fast.out >> graph.big.value
    graph.big.out >> graph.slow.value
    for worker, name in enumerate(["fast", "big", "slow"]):
        graph.place(graph.nodes[name], worker=worker)
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=3)
    assert caught.value.components == ["slow"]


def test_a_run_in_the_calling_process_dies_with_it():
    text = """
        @component
        async def Dying():
            os._exit(3)

        graph = Graph()
        graph.add("dying", Dying)
        graph.run(num_workers=0)
        """
    with script(text) as running:
        assert running.wait() == 3
