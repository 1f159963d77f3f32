"""The calling process is killed, exits, forgets its run, or throws a signal at itself."""

# ruff: noqa: N802  components are named as what they define would be, a class

import gc
import os
import resource
import signal
import time
import weakref
from collections import Counter

import pytest
from faultgraph import Idle, Sink, Waiter
from faultlib import Census, descendants, left_over, note, notes, orphans, orphans_end, script, until

from cascata import Graph, component

pytestmark = pytest.mark.once

STUCK = {
    "in C code": """
        import collections, itertools

        @component
        async def Stuck():
            note("stuck began")
            collections.deque(itertools.repeat(0), maxlen=0)
        """,
    "asleep": """
        @component
        async def Stuck():
            note("stuck began")
            time.sleep(3600)
        """,
    "deaf": """
        @component
        async def Stuck():
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            note("stuck began")
            time.sleep(3600)
        """,
    "in order": """
        @component
        async def Stuck():
            note("stuck began")
            await for_ever("stuck")
        """,
}


@pytest.mark.parametrize("way", ["run", "start"])
@pytest.mark.parametrize("stuck", STUCK)
def test_workers_end_with_a_killed_caller(stuck, way, nothing_left):
    text = f"""
        graph = lasting(Stuck)
        {"graph.run(num_workers=3)" if way == "run" else "graph.start(num_workers=3).join()"}
        """
    with script(STUCK[stuck], text) as running:
        running.wait_for_note("stuck began", "jam began", "idle began")
        assert len(running.workers()) == 3
        running.process.send_signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        orphans_end(nothing_left)


@pytest.mark.parametrize("seed", range(6))
def test_workers_end_with_a_caller_killed_while_it_starts_them(seed, nothing_left):
    text = """
        note("go")
        lasting(Slow, Stubborn).run(num_workers=5)
        """
    with script(text) as running:
        running.wait_for_note("go")
        time.sleep(0.004 * seed)
        running.process.send_signal(signal.SIGKILL)
        running.wait()
        orphans_end(nothing_left)


def test_workers_end_when_the_thread_that_started_them_does_not(nothing_left):
    """And the other way round: a run outlives the thread that started it."""
    text = """
        runs = []
        thread = threading.Thread(target=lambda: runs.append(lasting().start(num_workers=2)))
        thread.start()
        thread.join()
        while not {"jam began", "idle began"} <= set(notes()):
            time.sleep(0.005)
        time.sleep(0.1)
        assert runs[0].running
        runs[0].stop()
        runs[0].join()
        """
    with script(text) as running:
        assert running.wait() == 0, running.err
    assert orphans(nothing_left) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV, signal.SIGQUIT])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_signal_to_the_caller(number, num_workers, nothing_left):
    """The caller ends by it, and its workers with it; what SIGTERM does first has tests of its own."""

    def no_core():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with script("lasting().run(num_workers=num_workers)", num_workers, setup=no_core) as running:
        running.wait_for_note("jam began", "idle began")
        running.process.send_signal(number)
        assert running.wait() == -number
        orphans_end(nothing_left)


def test_sigterm_that_the_program_turns_into_an_exit(nothing_left):
    text = """
        def leave(number, frame):
            sys.exit(7)

        signal.signal(signal.SIGTERM, leave)
        lasting().run(num_workers=2)
        """
    with script(text) as running:
        running.wait_for_note("jam began", "idle began")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == 7, running.err
        assert running.err == ""
        orphans_end(nothing_left)


@pytest.mark.parametrize("last", ["pass", "sys.exit(3)", "raise ValueError('the end')", "del run", "os._exit(3)"])
@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_a_run_that_is_never_joined(num_workers, last, nothing_left):
    """It is stopped when the interpreter exits, in order unless that has been cut short."""
    text = f"""
        run = lasting(Slow).start(num_workers=num_workers)
        while not {{"jam began", "idle began", "slow began", "endless began"}} <= set(notes()):
            time.sleep(0.005)
        {last}
        """
    code = 3 if "3" in last else int("raise" in last)
    with script(text, num_workers) as running:
        assert running.wait(25) == code, running.err
        orphans_end(nothing_left)
        assert "cascata" not in running.err, running.err
        assert "Exception ignored" not in running.err
        assert running.err.count("Traceback") == int("raise" in last)
    if "_exit" in last:
        return
    seen = Counter(notes())
    for name in ("endless", "jam", "idle", "slow"):
        assert seen[f"{name} finally"] == 1, seen
    assert seen["waiter closed"] == seen["slow tidied up"] == 1


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_run_that_is_never_joined_and_fails(num_workers, nothing_left):
    """Nobody asked for its outcome."""
    text = """
        @component
        async def Failing():
            await noted("jam began")
            note("failing")
            raise ValueError("first")

        run = lasting(Failing).start(num_workers=num_workers)
        while "failing" not in notes():
            time.sleep(0.005)
        """
    with script(text, num_workers) as running:
        assert running.wait(25) == 0, running.err
        orphans_end(nothing_left)
    seen = Counter(notes())
    assert seen["jam finally"] == seen["jam began"]


def test_a_run_that_is_never_joined_and_ends(nothing_left):
    text = """
        @component
        async def Short():
            print("short")

        graph = Graph()
        graph.add("short", Short)
        run = graph.start(num_workers=1)
        while run.running:
            time.sleep(0.005)
        """
    with script(text) as running:
        assert running.wait(25) == 0, running.err
        assert running.out == "short\n"
        assert running.err == ""


def test_an_exit_while_a_component_will_not_stop(nothing_left):
    """The exit waits for the workers no longer than a failure does."""
    text = """
        import cascata.run.supervisor, cascata.run.worker
        cascata.run.worker.GRACE = 0.4
        for phase in cascata.run.supervisor.PATIENCE:
            cascata.run.supervisor.PATIENCE[phase] = 0.5
        run = lasting(Stubborn).start(num_workers=2)
        while not {"stubborn began", "idle began"} <= set(notes()):
            time.sleep(0.005)
        """
    with script(text) as running:
        assert running.wait(15) == 0, running.err
        orphans_end(nothing_left)
    assert "stubborn ended" not in notes()


def quiet_graph():
    graph = Graph()
    for name, definition in (("idle", Idle), ("waiter", Waiter)):
        graph.add(name, definition).resource < name
    graph.idle.out >> graph.waiter.value
    return graph


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_run_that_is_forgotten_goes_on_until_it_is_stopped(num_workers):
    """The graph remembers the last one."""
    graph = quiet_graph()
    graph.start(num_workers=num_workers)
    gc.collect()
    until(lambda: "idle began" in notes())
    assert "idle finally" not in notes()
    graph._started.stop()
    graph.join()
    assert notes()[-1] == "waiter closed" or notes()[-1] == "idle closed"


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("ending", ["ends", "fails", "stopped"])
def test_nothing_is_left_while_the_run_is_still_at_hand(num_workers, ending):
    """Descriptors and memory go when the run ends, not when the last reference to it does."""

    @component
    async def Failing():
        msg = "first"
        raise ValueError(msg)

    if ending == "ends":
        graph = Graph()
        graph.add("sink", Sink).resource < "sink"
        graph.sink.value < 1
    else:
        graph = quiet_graph()
        if ending == "fails":
            graph.add("failing", Failing)
    before = Census.take()
    run = graph.start(num_workers=num_workers)
    if ending == "stopped":
        until(lambda: "idle began" in notes())
        run.stop()
    try:
        outcome = run.join()
    except Exception as error:  # noqa: BLE001  an outcome like any other
        outcome = error
    left = left_over(before, 0.5)
    assert left == {}
    assert run.running is False
    assert outcome is not None


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_graph_is_let_go_of(num_workers):
    graph = quiet_graph()
    run = graph.start(num_workers=num_workers)
    until(lambda: "idle began" in notes())
    run.stop()
    run.join()
    gone = weakref.ref(graph)
    del graph, run
    gc.collect()
    assert gone() is None


def test_children_of_the_caller_are_left_alone():
    """It reaps its own workers and nobody else's children, and its own are reaped by nobody else."""
    text = """
        other = subprocess.Popen(["sleep", "60"])
        short = subprocess.Popen(["true"])

        @component
        async def Short():
            note("short")

        graph = Graph()
        graph.add("short", Short)
        for _ in range(3):
            graph.run(num_workers=1)
        assert other.poll() is None
        assert short.wait() == 0
        other.kill()
        assert other.wait() == -signal.SIGKILL
        """
    with script(text) as running:
        assert running.wait() == 0, running.err


@pytest.mark.parametrize("outcome", ["ends", "dies"])
def test_a_caller_whose_children_are_reaped_by_the_system(outcome):
    """With SIGCHLD ignored no exit status can be had; that keeps nobody from ending."""
    text = f"""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        @component
        async def Short():
            note("short")
            {"pass" if outcome == "ends" else "os.kill(os.getpid(), signal.SIGKILL)"}

        graph = Graph()
        graph.add("short", Short)
        try:
            graph.run(num_workers=1)
        except WorkerDied as error:
            assert error.components == ["short"]
            note("died")
        """
    with script(text) as running:
        assert running.wait() == 0, running.err
    assert notes() == (["short"] if outcome == "ends" else ["short", "died"])


def test_a_caller_that_reaps_every_child():
    """As an init process in a container does."""
    text = """
        def reaper():
            while True:
                try:
                    os.waitpid(-1, 0)
                except ChildProcessError:
                    time.sleep(0.001)

        threading.Thread(target=reaper, daemon=True).start()

        @component
        async def Short():
            note("short")

        graph = Graph()
        graph.add("short", Short)
        for _ in range(5):
            graph.run(num_workers=2)
        note("end")
        """
    with script(text) as running:
        assert running.wait() == 0, running.err
    assert notes() == ["short"] * 5 + ["end"]


@pytest.mark.parametrize("way", ["a pipe that nobody reads", "closed"])
def test_a_caller_whose_output_is_gone(way, nothing_left):
    """As in `program | head -1`. What components print cannot be delivered; that must not hang, nor leave anything."""
    text = f"""
        @component
        async def Printing():
            note("printing began")
            try:
                while True:
                    print("x" * 100)
                    await asyncio.sleep(0)
            finally:
                note("printing finally")

        if {way == "closed"}:
            sys.stdout.close()
        else:
            reading, writing = os.pipe()
            os.close(reading)
            sys.stdout = open(writing, "w")
        graph = Graph()
        graph.add("printing", Printing)
        try:
            graph.run(num_workers=1, timeout=1)
        except Exception as error:
            note(type(error).__name__)
        os._exit(0)
        """
    with script(text) as running:
        assert running.wait(20) == 0, running.err
        orphans_end(nothing_left)
    seen = Counter(notes())
    assert seen["printing finally"] == seen["printing began"]


def test_a_fork_of_the_caller_does_not_hold_the_run():
    """A child that the caller forks while a graph runs shares its descriptors; the run ends all the same."""
    graph = quiet_graph()
    run = graph.start(num_workers=2)
    until(lambda: "idle began" in notes())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        run.stop()
        run.join()
        assert [process.pid for process in descendants(os.getpid())] == [child]
    finally:
        os.close(writing)
        os.waitpid(child, 0)
        os.close(reading)
    note("end")
