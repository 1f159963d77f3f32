"""Runs that fail while they start: no process, descriptor or memory, a worker that never gets going."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import errno
import gc
import os
import selectors
import sys
import threading
import time
from collections import Counter

import pytest
from faultgraph import Bystander, Idle, Sink, Waiter
from faultlib import descendants, note, noted, notes, script, until

from cascata import ComponentError, DeadlockError, Graph, WorkerDied, component, inport, outport, persist
from cascata.run import child, processes
from cascata.run.forking import Forking

pytestmark = pytest.mark.once


def lasting():
    """Make a graph of components that wait, one for each of three workers."""
    graph = Graph()
    for name, definition in (("idle", Idle), ("waiter", Waiter), ("bystander", Bystander)):
        graph.add(name, definition).resource < name
    graph.idle.out >> graph.waiter.value
    for worker, name in enumerate(graph.nodes):
        graph.place(graph.nodes[name], worker=worker)
    return graph


def call(graph, way, num_workers):
    """Run a graph on forked workers; they have what the test has replaced."""
    options = {"num_workers": num_workers, "start_method": "fork"}
    if way == "run":
        return graph.run(**options)
    if way == "start":
        return graph.start(**options).join()
    return asyncio.run(graph.arun(**options))


WAYS = ["run", "start", "arun"]


def no_children():
    """Nothing of the run lives at the moment the exception is out."""
    return [process for process in descendants(os.getpid()) if process.state != "Z"] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_no_process_can_be_had(way, fails_at, monkeypatch):
    start, count = Forking.start, []

    def failing(*args):
        count.append(1)
        if len(count) == fails_at + 1:
            raise OSError(errno.EAGAIN, "no process to be had")
        return start(*args)

    monkeypatch.setattr(Forking, "start", failing)
    with pytest.raises(OSError, match="no process to be had"):
        call(lasting(), way, 3)
    assert no_children()
    monkeypatch.undo()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_the_system_call_fails(way, fails_at, monkeypatch):
    fork, count, parent = os.fork, [], os.getpid()

    def failing():
        if os.getpid() == parent:
            count.append(1)
            if len(count) == fails_at + 1:
                raise OSError(errno.EAGAIN, "no process to be had")
        return fork()

    monkeypatch.setattr(os, "fork", failing)
    with pytest.raises(OSError, match="no process to be had"):
        call(lasting(), way, 3)
    assert no_children()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_worker_has_begun_but_no_descriptor_of_it_can_be_had(way, fails_at, monkeypatch):
    pidfd_open, count = os.pidfd_open, []

    def failing(*args):
        count.append(1)
        if len(count) == fails_at + 1:
            raise OSError(errno.EMFILE, "too many open files")
        return pidfd_open(*args)

    monkeypatch.setattr(processes.os, "pidfd_open", failing)
    with pytest.raises(OSError, match="too many open files"):
        call(lasting(), way, 3)
    assert no_children()


@pytest.mark.parametrize("way", ["start", "arun"])
def test_no_thread_can_be_had(way, monkeypatch):
    """The workers run already when the thread that is to watch over them cannot be started."""
    start = threading.Thread.start

    def failing(self):
        if self.name == "cascata-supervisor":
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", failing)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        call(lasting(), way, 3)
    gc.collect()
    assert no_children()


@pytest.mark.parametrize("way", WAYS)
def test_no_selector_can_be_had(way, monkeypatch):
    """The last thing that is opened."""

    class Failing(selectors.DefaultSelector):
        def __init__(self):
            if sys._getframe(1).f_globals["__name__"] == "cascata.run.supervisor":
                raise OSError(errno.EMFILE, "too many open files")
            super().__init__()

    monkeypatch.setattr(selectors, "DefaultSelector", Failing)
    with pytest.raises(OSError, match="too many open files"):
        call(lasting(), way, 3)
    assert no_children()


LIMITED = """
    @component
    async def Working():
        note("working")

    def attempt(limit):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        graph = Graph()
        for number in range(3):
            graph.add(f"working{number}", Working)
        CALL

    import gc, resource, traceback
    import multiprocessing.popen_fork, multiprocessing.util, cloudpickle, tblib.pickling_support
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    attempt(200)
    gc.collect()
    used = len(os.listdir("/proc/self/fd"))
    failed = 0
    for limit in range(used - 1, used + 40):
        try:
            attempt(limit)
        except (OSError, CascataError) as error:
            failed += 1
            text = "".join(traceback.format_exception(error))
            assert "Too many open files" in text or "No file descriptors" in text, text
            del error
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        gc.collect()
        left = len(os.listdir("/proc/self/fd"))
        if left != used:
            note(f"limit {limit}: {left - used} descriptors are left")
            used = left
        try:
            os.waitpid(-1, os.WNOHANG)
            note(f"limit {limit}: a process is left")
        except ChildProcessError:
            pass
    note(f"failed {failed > 3}")
    attempt(200)
    note("the end")
"""


@pytest.mark.parametrize(
    "call",
    ["graph.run(num_workers=3, timeout=10)", "graph.start(num_workers=3).join()", "graph.run(num_workers=0)"],
    ids=["run", "start", "in process"],
)
def test_too_few_descriptors(call):
    """Every number of free descriptors, from none to enough: it works or it raises, and leaves nothing."""
    with script(LIMITED.replace("CALL", call)) as running:
        assert running.wait() == 0, running.err
    rest = [text for text in notes() if text != "working"]
    assert rest == ["failed True", "the end"]


def test_too_little_memory():
    """Address space for the run's memory, for the supervisor, for the workers: it works or it raises."""
    text = """
        import resource
        import multiprocessing.popen_fork, multiprocessing.util, cloudpickle, tblib.pickling_support

        @component
        async def Working():
            note("working")

        graph = Graph()
        for number in range(3):
            graph.add(f"working{number}", Working)
        graph.run(num_workers=2)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        for spare in (0, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26):
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + spare, hard))
            try:
                graph.run(num_workers=2)
            except (OSError, MemoryError, CascataError) as error:
                del error
                outcome = "raised"
            else:
                outcome = "worked"
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
            note(f"{spare}: {outcome}")
        """
    with script(text) as running:
        assert running.wait() == 0, running.err
        assert running.workers() == []
    outcomes = [text for text in notes() if ":" in text]
    assert len(outcomes) == 7
    assert outcomes[0] == "0: raised"


@pytest.mark.parametrize("num_workers", [0, 1, 2, 5])
def test_every_initialiser_fails(num_workers):
    def failing(number):
        note(f"initialising {number}")
        raise ValueError(number)

    @component
    @persist("kept", failing)
    async def Failing(kept):
        note("fired")

    graph = Graph()
    for number in range(6):
        graph.add(f"failing{number}", Failing).kept < number
    with pytest.raises(ComponentError) as caught:
        graph.run(num_workers=num_workers)
    failures = [caught.value, *caught.value.others]
    assert len({failure.component for failure in failures}) == len(failures)
    assert "fired" not in notes()


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_no_group_fires_after_a_failed_initialiser(num_workers):
    """A component of several trigger groups has one initialiser for all."""

    def failing():
        note("initialising")
        msg = "no value"
        raise ValueError(msg)

    @component
    @inport("one")
    @inport("two")
    @persist("kept", failing)
    async def Grouped(one, two, kept):
        note("fired")

    @component
    @outport("out")
    async def Numbers(out):
        for number in range(10):
            await out.send(number)

    graph = Graph()
    graph.add("numbers", Numbers)
    graph.add("grouped", Grouped)
    graph.numbers.out >> graph.grouped.one
    graph.numbers.out >> graph.grouped.two
    graph.grouped.clk(graph.grouped.one, graph.grouped.two)
    with pytest.raises(ComponentError, match="no value") as caught:
        graph.run(num_workers=num_workers)
    assert caught.value.others == []
    assert notes() == ["initialising"]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_an_initialiser_that_takes_long(num_workers):
    """Another component fails meanwhile; the stop comes through as soon as the initialiser returns."""

    def slow():
        note("slow began")
        until(lambda: "failing" in notes())
        time.sleep(0.2)
        return 1

    @component
    @persist("kept", slow, close=lambda _: note("closed"))
    async def Slow(kept):
        note("fired")

    @component
    async def Failing():
        await noted("slow began")
        note("failing")
        msg = "first"
        raise ValueError(msg)

    graph = Graph()
    graph.add("slow", Slow)
    graph.add("failing", Failing)
    graph.place(graph.slow, worker=0)
    graph.place(graph.failing, worker=1)
    with pytest.raises(ComponentError, match="first"):
        graph.run(num_workers=2)
    assert Counter(notes())["closed"] == 1


def test_a_later_initialiser_fails_and_the_earlier_values_are_closed():
    def failing():
        msg = "no value"
        raise ValueError(msg)

    @component
    @persist("one", lambda: note("one opened"), close=lambda _: note("one closed"))
    @persist("two", failing, close=lambda _: note("two closed"))
    @persist("three", lambda: note("three opened"), close=lambda _: note("three closed"))
    async def Three(one, two, three):
        note("fired")

    graph = Graph()
    graph.add("three", Three)
    for num_workers in (0, 1):
        with pytest.raises(ComponentError, match="no value"):
            graph.run(num_workers=num_workers)
    seen = Counter(notes())
    assert seen["fired"] == seen["two closed"] == 0
    assert seen["one opened"] == seen["one closed"]
    assert seen["three opened"] == seen["three closed"]
    assert seen["one opened"] + seen["three opened"] == 2


def test_a_graph_that_cannot_run_starts_nothing():
    @component
    @inport("value")
    async def Unfed(value):
        note("fired")

    graph = Graph()
    graph.add("unfed", Unfed)
    for way in WAYS:
        with pytest.raises(DeadlockError):
            call(graph, way, 2)
    assert notes() == []


def test_a_worker_that_dies_before_its_first_component(monkeypatch):
    monkeypatch.setattr(child, "_serve", lambda *_: os._exit(9))
    graph = Graph()
    graph.add("sink", Sink).resource < "sink"
    graph.sink.value < 1
    for way in WAYS:
        with pytest.raises(WorkerDied) as caught:
            call(graph, way, 1)
        assert (caught.value.exitcode, caught.value.components) == (9, ["sink"])


@pytest.mark.parametrize("where", ["_watch", "_forget", "_serve"])
def test_a_worker_that_fails_in_our_own_code(where, monkeypatch):
    """A defect of Cascata is no reason to hang either."""

    def failing(*_, **__):
        msg = "a defect"
        raise RuntimeError(msg)

    monkeypatch.setattr(child, where, failing)
    graph = Graph()
    graph.add("sink", Sink).resource < "sink"
    graph.sink.value < 1
    for way in WAYS:
        with pytest.raises((ComponentError, WorkerDied)):
            call(graph, way, 1)


def test_with_many_threads_of_the_caller():
    """Some hold locks while the workers are forked."""
    over = threading.Event()
    lock = threading.Lock()

    def busy():
        while not over.is_set():
            with lock:
                time.sleep(0.0001)

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            graph = Graph()
            graph.add("sink", Sink).resource < "sink"
            graph.sink.value < 1
            assert graph.run(num_workers=2).components["sink"].firings == 1
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_the_event_loop_of_the_caller_survives_collections_in_the_workers():
    """A worker that collected the loop it inherited would take its descriptors off the selector that both share."""
    text = """
        import gc

        @component
        async def Collecting():
            gc.collect()

        graph = Graph()
        graph.add("collecting", Collecting)
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        graph.run(num_workers=1)
        loop.run_until_complete(asyncio.to_thread(note, "woken from a thread"))
        loop.close()
    """
    with script(text) as running:
        assert running.wait() == 0, running.err
    assert notes() == ["woken from a thread"]
