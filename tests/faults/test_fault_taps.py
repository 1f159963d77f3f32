"""Whatever ends a run ends those who feed and read it, and nothing is left of them."""

# ruff: noqa: N802, PT012, S311  components are named as classes; what is raised comes out of a run that is in use

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from multiprocessing import resource_tracker

import pytest
from faultlib import note, notes, orphans_end, script, until
from scale import SCALE

from cascata import ComponentError, Graph, WorkerDied, component, inport, outport

pytestmark = pytest.mark.once


@pytest.fixture(scope="module", autouse=True)
def _tracker():
    """Start the process that keeps track of what `multiprocessing` makes for spawned processes; it stays."""
    resource_tracker.ensure_running()


@component
@inport("item", capacity=2)
@outport("out")
async def Slow(item, out):
    note(f"pid {os.getpid()}")
    await asyncio.sleep(60)


@component
@inport("item", capacity=2)
@outport("out")
async def Same(item, out):
    await out.send(item)


@component
@inport("item", capacity=2)
@outport("out")
async def Fails(item, out):
    await out.send(item)
    if item == 50:
        msg = "fifty"
        raise ValueError(msg)


def single(definition):
    graph = Graph()
    graph.add("only", definition)
    graph.export(graph.only.item, "into")
    graph.export(graph.only.out, "out")
    return graph


def put_for_ever(run):
    while run.put("into", 1):
        pass


def read(run):
    list(run.iter("out"))


def aput_for_ever(run):
    async def main():
        while await run.aput("into", 1):
            pass

    asyncio.run(main())


def stream(run):
    async def main():
        return [item async for item in run.stream("out")]

    asyncio.run(main())


WAITERS = (put_for_ever, read, aput_for_ever, stream)


def all_wait(run):
    """Begin to feed and to read in all ways; gives the threads, and what each has come to."""
    outcomes = {}

    def note_outcome(function):
        try:
            function(run)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            outcomes[function.__name__] = type(error)
        else:
            outcomes[function.__name__] = None

    threads = [threading.Thread(target=note_outcome, args=(function,)) for function in WAITERS]
    for thread in threads:
        thread.start()
    return threads, outcomes


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_death_of_a_worker_reaches_all_who_wait(method):
    run = single(Slow).start(num_workers=1, start_method=method)
    threads, outcomes = all_wait(run)
    (pid, *_) = until(lambda: [text.split()[1] for text in notes() if text.startswith("pid ")], "a firing")
    time.sleep(0.1)
    os.kill(int(pid), signal.SIGKILL)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert outcomes == dict.fromkeys((function.__name__ for function in WAITERS), WorkerDied)
    with pytest.raises(WorkerDied):
        run.join()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_stop_reaches_all_who_wait(num_workers):
    run = single(Slow).start(num_workers=num_workers)
    threads, outcomes = all_wait(run)
    until(notes, "a firing")
    run.stop()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert outcomes == dict.fromkeys(function.__name__ for function in WAITERS)
    run.join()


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_failure_reaches_all_who_wait(num_workers):
    run = single(Fails).start(num_workers=num_workers)
    threads, outcomes = all_wait(run)
    run.put("into", 50)
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert set(outcomes.values()) == {ComponentError}
    with pytest.raises(ComponentError):
        run.join()


def test_workers_killed_at_any_time(nothing_left):
    """Puts return or raise; what is read is what was put, without gaps, up to some point."""
    chance = random.Random(7)
    for _ in range(int(8 * SCALE)):
        run = single(Same).start(num_workers=1)
        pid = run._engine._workers[0].pid
        threading.Timer(chance.uniform(0.0, 0.03), os.kill, (pid, signal.SIGKILL)).start()
        seen = []

        def write(run=run):
            with pytest.raises(WorkerDied):
                for number in range(10**9):
                    run.put("into", number)

        writing = threading.Thread(target=write)
        writing.start()
        with pytest.raises(WorkerDied):
            for item in run.iter("out"):
                seen.append(item)  # noqa: PERF402  up to the failure
        writing.join(10)
        assert not writing.is_alive()
        assert seen == list(range(len(seen)))
        with pytest.raises(WorkerDied):
            run.join()


SCRIPT = """
    @component
    @inport("item", capacity=2)
    @outport("out")
    async def Slow(item, out):
        note("fired")
        try:
            await asyncio.sleep(60)
        finally:
            note("finally")

    graph = Graph()
    graph.add("only", Slow)
    graph.export(graph.only.item, "into")
    graph.export(graph.only.out, "out")

    async def stream(run):
        await run.aput("into", 1)
        async for item in run.stream("out"):
            pass

    def begin(way, run):
        if way == "put":
            while True:
                run.put("into", 1)
        run.put("into", 1)
        if way == "iter":
            list(run.iter("out"))
        asyncio.run(stream(run))

    with graph.start(num_workers=num_workers) as run:
        try:
            begin(way, run)
        except KeyboardInterrupt:
            note("interrupted")
            raise
    """


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("way", ["put", "iter", "stream"])
def test_interrupts(way, num_workers):
    with script(f"way = {way!r}", SCRIPT, num_workers) as running:
        running.wait_for_note("fired")
        time.sleep(0.1)
        running.signal_group()
        assert running.wait() == -signal.SIGINT, running.err
        assert Counter(notes()) == {"fired": 1, "interrupted": 1, "finally": 1}
        assert running.err.rstrip().endswith("KeyboardInterrupt")
        assert "Exception ignored" not in running.err


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_caller_is_killed(num_workers, nothing_left):
    with script("way = 'put'", SCRIPT, num_workers) as running:
        running.wait_for_note("fired")
        running.process.kill()
        running.wait()
    orphans_end(nothing_left)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_caller_exits_while_others_wait(num_workers):
    text = """
        run = graph.start(num_workers=num_workers)
        for way in ("put", "iter", "stream"):
            threading.Thread(target=begin, args=(way, run), daemon=True).start()
        while "fired" not in notes():
            time.sleep(0.01)
        """
    prepared = SCRIPT[: SCRIPT.index("    with graph.start")]
    with script(prepared, text, num_workers) as running:
        assert running.wait() == 0, running.err
        assert "Fatal" not in running.err
        assert notes().count("fired") == notes().count("finally")


def test_a_process_that_is_forked_off_leaves_the_run_alone():
    with single(Same).start(num_workers=1) as run:
        items = run.iter("out")
        run.put("into", 1)
        assert next(items) == 1
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for attempt in (lambda: run.put("into", 2), lambda: next(items), lambda: run.close("into")):
                    with pytest.raises(RuntimeError, match="forked off"):
                        attempt()
                del items
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        run.put("into", 3)
        run.close("into")
        assert list(items) == [3]


def test_nothing_piles_up(nothing_left):
    """Runs that end in all ways, with readers that are dropped at any time."""
    graph = single(Same)
    for number in range(int(15 * SCALE)):
        with graph.start(num_workers=number % 2) as run:
            items = run.iter("out")
            run.put("into", number)
            if number % 3:
                assert next(items) == number
            if number % 5 == 0:
                run.stop()
            del items
