"""Ctrl-C: it stops in order and raises `KeyboardInterrupt`; a second one kills."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

import pytest
from faultlib import Script, note, notes, orphans, orphans_end, script, until
from scale import SCALE


def ways(more):
    """Scripts that run a graph that lasts, and one component more, in each of the ways there are."""
    calls = {
        "run": f"""
            note_when_waiting()
            lasting({more}).run(num_workers=num_workers)
            """,
        "join": f"""
            note_when_waiting()
            lasting({more}).start(num_workers=num_workers).join()
            """,
        "with": f"""
            note_when_waiting()
            with lasting({more}).start(num_workers=num_workers):
                pass
            """,
        "block": f"""
            with lasting({more}).start(num_workers=num_workers):
                note("main waits")
                while True:
                    time.sleep(0.01)
            """,
        "arun": f"""
            note_when_waiting()
            asyncio.run(lasting({more}).arun(num_workers=num_workers))
            """,
        "graph.join": f"""
            note_when_waiting()
            graph = lasting({more})
            graph.start(num_workers=num_workers)
            graph.join()
            """,
    }
    return {way: textwrap.dedent(text) for way, text in calls.items()}


WAYS = ways("Slow")
STUBBORN = ways("Stubborn")
INTERRUPTED = -signal.SIGINT
ALL_RUN = ("main waits", "endless began", "jam began", "idle began", "slow began")


def check_ended_in_order():
    seen = Counter(notes())
    for name in ("endless", "jam", "idle", "slow"):
        assert seen[f"{name} finally"] == seen[f"{name} began"], seen
    assert seen["slow tidied up"] == seen["slow began"]
    assert seen["waiter closed"] <= 1
    assert not seen["waiter fired"]
    assert not seen["waiter finish"]


def check_stderr(text):
    """Check that it is the caller alone who says that it was interrupted, and only that."""
    assert text.count("Traceback (most recent call last)") <= 1 or "During handling" in text, text
    assert text.rstrip().endswith("KeyboardInterrupt"), text
    assert "cascata-worker" not in text, text
    assert "Process " not in text, text
    assert "never retrieved" not in text, text
    assert "Exception ignored" not in text, text


@pytest.mark.parametrize(
    ("way", "num_workers"), [*((way, number) for way in WAYS for number in (0, 2)), ("run", 1), ("run", 5)]
)
def test_once(way, num_workers, nothing_left):
    with script(WAYS[way], num_workers) as running:
        running.wait_for_note(*ALL_RUN)
        running.signal_group()
        assert running.wait() == INTERRUPTED
        check_stderr(running.err)
        assert running.out == ""
        check_ended_in_order()
        assert Counter(notes())["waiter closed"] == 1
    assert orphans(nothing_left) == []


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_caller_alone_gets_it(num_workers, nothing_left):
    """As from a debugger or a notebook's server: no worker sees the signal."""
    with script(WAYS["run"], num_workers) as running:
        running.wait_for_note(*ALL_RUN)
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == INTERRUPTED
        check_stderr(running.err)
        check_ended_in_order()
    assert orphans(nothing_left) == []


def test_a_worker_alone_gets_it():
    """The caller decides; a worker does not end by itself."""
    with script(WAYS["run"], 2) as running:
        running.wait_for_note(*ALL_RUN)
        for worker in running.workers():
            os.kill(worker.pid, signal.SIGINT)
        time.sleep(0.2)
        assert running.process.poll() is None
        assert "endless finally" not in notes()
        running.signal_group()
        assert running.wait() == INTERRUPTED
        check_ended_in_order()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_it_can_be_caught(num_workers):
    """The program goes on afterwards, and runs graphs, also one that is interrupted again."""
    text = """
        for _ in range(2):
            try:
                lasting().run(num_workers=num_workers)
            except KeyboardInterrupt as error:
                assert type(error) is KeyboardInterrupt
                assert error.args == ()
                note("caught")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

        @component
        async def Short():
            note("short")

        graph = Graph()
        graph.add("short", Short)
        graph.run(num_workers=num_workers)
        """
    with script(text, num_workers) as running:
        for count in (1, 2):
            until(lambda count=count: Counter(notes())["jam began"] == count)
            running.signal_group()
            until(lambda count=count: Counter(notes())["caught"] == count or running.process.poll() is not None)
        assert running.wait() == 0, running.err
    assert notes()[-1] == "short"
    assert running.err == ""


PATIENT = """
    import cascata.run.worker, cascata.run.supervisor
    cascata.run.worker.GRACE = 30.0
    for phase in cascata.run.supervisor.PATIENCE:
        cascata.run.supervisor.PATIENCE[phase] = 30.0
"""


@pytest.mark.parametrize("way", STUBBORN)
def test_twice(way, nothing_left):
    """The second one does not wait for components that will not stop."""
    with script(PATIENT, STUBBORN[way], 2) as running:
        running.wait_for_note("main waits", "stubborn began", "endless began")
        running.signal_group()
        running.wait_for_note("stubborn goes on")
        running.signal_group()
        assert running.wait(20) == INTERRUPTED, running.err
        assert "KeyboardInterrupt" in running.err
        assert "cascata-worker" not in running.err
        orphans_end(nothing_left)
    assert "stubborn ended" not in notes()


def test_once_while_the_program_exits(nothing_left):
    """The exit is stopping the run in order already; the signal says not to wait."""
    text = """
        run = lasting(Stubborn).start(num_workers=2)
        while "stubborn began" not in notes():
            time.sleep(0.005)
        """
    with script(PATIENT, text) as running:
        running.wait_for_note("stubborn goes on")
        running.signal_group()
        running.wait(20)
        orphans_end(nothing_left)
    assert "stubborn ended" not in notes()


def test_twice_in_the_calling_process(nothing_left):
    """A process cannot be taken from itself, but the second one ends a component that blocks its loop."""
    text = """
        @component
        async def Blocking():
            note("blocking began")
            try:
                time.sleep(60)
            finally:
                note("blocking finally")

        lasting(Blocking).run(num_workers=0)
        """
    with script(text) as running:
        running.wait_for_note("blocking began")
        running.signal_group()
        time.sleep(0.1)
        running.signal_group()
        assert running.wait(20) == INTERRUPTED, running.err
    assert "blocking finally" in notes()
    seen = Counter(notes())
    for name in ("endless", "jam", "idle"):
        assert seen[f"{name} finally"] == seen[f"{name} began"], seen


@pytest.mark.timeout(30)
@pytest.mark.parametrize("way", ["run", "join"])
def test_many_times(way, nothing_left):
    """However often and fast it comes, nothing is left and one exception comes out."""
    with script(STUBBORN[way], 2) as running:
        running.wait_for_note("main waits", "stubborn began", "endless began")
        for _ in range(30):
            if running.process.poll() is None:
                running.signal_group()
            time.sleep(0.002)
        assert running.wait(20) == INTERRUPTED, running.err
        assert "KeyboardInterrupt" in running.err
        assert "cascata-worker" not in running.err
        orphans_end(nothing_left)


START_UP = """
    note("go")
    {call}
"""


@pytest.mark.parametrize("seed", range(int(2 * SCALE)))
@pytest.mark.parametrize(
    "call",
    [
        "lasting(Slow).run(num_workers=5)",
        "lasting(Slow).start(num_workers=5).join()",
        "lasting(Slow).run(num_workers=0)",
        "lasting(Slow).start(num_workers=0).join()",
        "asyncio.run(lasting(Slow).arun(num_workers=5))",
    ],
)
def test_during_the_start(call, seed, nothing_left):
    """It comes at any moment of the first milliseconds."""
    delay = random.Random(seed).uniform(0, 0.03)  # noqa: S311  no secret
    with script(START_UP.format(call=call)) as running:
        running.wait_for_note("go")
        time.sleep(delay)
        running.signal_group()
        assert running.wait(20) == INTERRUPTED, running.err
        assert "cascata-worker" not in running.err, running.err
        assert "Exception ignored" not in running.err, running.err
        workers = orphans(nothing_left)
        assert workers == [], running.err
    check_ended_in_order()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_component_catches_nothing_of_it(num_workers):
    """`KeyboardInterrupt` is the caller's; components see a cancellation."""
    text = """
        @component
        async def Watching():
            note("watching began")
            try:
                await asyncio.sleep(60)
            except BaseException as error:
                note(f"saw {type(error).__name__}")
                raise

        lasting(Watching).run(num_workers=num_workers)
        """
    with script(text, num_workers) as running:
        running.wait_for_note("watching began")
        running.signal_group()
        assert running.wait() == INTERRUPTED
    assert [text for text in notes() if text.startswith("saw")] == ["saw CancelledError"]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_failure_while_it_is_being_interrupted(num_workers):
    """The interrupt is what the caller asked for."""
    text = """
        @component
        async def Failing():
            try:
                await for_ever("failing")
            finally:
                raise ValueError("on the way out")

        lasting(Failing).run(num_workers=num_workers)
        """
    with script(text, num_workers) as running:
        running.wait_for_note("failing began")
        running.signal_group()
        assert running.wait() == INTERRUPTED


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_handler_of_the_user_stays_in_force(num_workers):
    text = """
        def mine(number, frame):
            note("mine")

        signal.signal(signal.SIGINT, mine)

        @component
        async def Working():
            note("working began")
            assert signal.getsignal(signal.SIGINT) is mine or num_workers
            await noted("mine")
            await asyncio.sleep(0.1)
            note("working ended")

        graph = Graph()
        graph.add("working", Working)
        graph.run(num_workers=num_workers)
        assert signal.getsignal(signal.SIGINT) is mine
        graph.start(num_workers=num_workers).join()
        assert signal.getsignal(signal.SIGINT) is mine
        """
    with script(text, num_workers) as running:
        running.wait_for_note("working began")
        running.signal_group()
        assert running.wait() == 0, running.err
        assert running.err == ""
    seen = Counter(notes())
    assert seen["mine"] == 1
    assert seen["working ended"] == 2


@pytest.mark.parametrize("way", ["run", "join"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_handler_of_the_user_that_raises(num_workers, way):
    """What it raises comes out of the call, and nothing goes on behind it."""
    text = f"""
        class Mine(Exception):
            pass

        def mine(number, frame):
            raise Mine

        signal.signal(signal.SIGINT, mine)
        try:
            {"lasting().run(num_workers=num_workers)" if way == "run" else "lasting().start(num_workers).join()"}
        except Mine:
            note("out")
        """
    with script(text, num_workers) as running:
        running.wait_for_note("jam began", "idle began", "endless began")
        running.signal_group()
        until(lambda: running.process.poll() is not None or "out" in notes())
        assert running.workers() == []
        assert running.wait() == 0, running.err


@pytest.mark.parametrize("num_workers", [0, 2])
def test_ignored_stays_ignored(num_workers):
    text = """
        signal.signal(signal.SIGINT, signal.SIG_IGN)

        @component
        async def Working():
            note("working began")
            await noted("sent")
            note("working ended")

        graph = Graph()
        graph.add("working", Working)
        graph.run(num_workers=num_workers)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        """
    with script(text, num_workers) as running:
        running.wait_for_note("working began")
        running.signal_group()
        note("sent")
        assert running.wait() == 0, running.err
    assert notes()[-1] == "working ended"


def test_only_the_main_thread_installs_handlers():
    text = """
        @component
        async def Working():
            note("working began")
            await noted("looked")

        graph = Graph()
        graph.add("working", Working)
        thread = threading.Thread(target=graph.run, args=(2,))
        thread.start()
        while "working began" not in notes():
            time.sleep(0.005)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        note("looked")
        thread.join()
        """
    with script(text) as running:
        assert running.wait() == 0, running.err


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_handlers_are_put_back(num_workers):
    """After a run that ends, fails, times out or dies."""
    text = """
        @component
        @inport("ending")
        async def Working(ending):
            match ending:
                case "fails":
                    raise ValueError
                case "dies":
                    os._exit(3)
                case "times out":
                    await asyncio.sleep(60)

        def handlers():
            return {number: signal.getsignal(number) for number in signal.valid_signals()}

        before, wakeup = handlers(), signal.set_wakeup_fd(-1)
        for ending in ("ends", "fails", "times out", "dies")[:3 + bool(num_workers)]:
            graph = Graph()
            graph.add("working", Working).ending < ending
            for call in (graph.run, lambda *a, **k: graph.start(*a, **k).join()):
                try:
                    call(num_workers, timeout=0.2 if ending == "times out" else 60)
                except CascataError:
                    note(ending)
                assert handlers() == before, ending
                assert signal.set_wakeup_fd(-1) == wakeup
        """
    with script(text, num_workers) as running:
        assert running.wait() == 0, running.err
    assert notes() == ["fails"] * 2 + ["times out"] * 2 + ["dies"] * 2 * bool(num_workers)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_process_of_a_component_gets_the_default_disposition(num_workers):
    """SIG_IGN would be inherited by it."""
    text = """
        @component
        async def Starting():
            process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", "echo started; exec sleep 60", stdout=subprocess.PIPE
            )
            await process.stdout.readline()
            note(f"{process.pid} started")
            code = await process.wait()
            note(f"code {code}")

        graph = Graph()
        graph.add("starting", Starting)
        graph.run(num_workers=num_workers)
        """
    with script(text, num_workers) as running:
        until(lambda: notes() or running.process.poll() is not None)
        os.kill(int(notes()[0].split()[0]), signal.SIGINT)
        assert running.wait() == 0, running.err
    assert notes()[-1] == f"code {-signal.SIGINT}"


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_process_of_a_component_gets_ctrl_c_with_the_group(num_workers):
    text = """
        @component
        async def Starting():
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c",
                "import time\\n"
                "try:\\n"
                "  print('started', flush=True)\\n"
                "  time.sleep(60)\\n"
                "except KeyboardInterrupt: print('bye')",
                stdout=subprocess.PIPE,
            )
            try:
                await process.stdout.readline()
                note("started")
                await asyncio.sleep(60)
            finally:
                note((await process.stdout.readline()).decode().strip())
                await process.wait()

        graph = Graph()
        graph.add("starting", Starting)
        graph.run(num_workers=num_workers)
        """
    with script(text, num_workers) as running:
        running.wait_for_note("started")
        running.signal_group()
        assert running.wait() == INTERRUPTED, running.err
    assert notes() == ["started", "bye"]


def test_a_blocking_subprocess_call_of_a_component_ends_with_ctrl_c():
    """The worker's loop is blocked by it; it dies of the signal that the terminal sends to all."""
    text = """
        @component
        async def Starting():
            note("started")
            code = subprocess.run(["sleep", "60"]).returncode
            note(f"code {code}")

        graph = Graph()
        graph.add("starting", Starting)
        graph.run(num_workers=1)
        """
    with script(text) as running:
        running.wait_for_note("started")
        until(lambda: any(process.name == "sleep" for process in running.workers()))
        running.signal_group()
        assert running.wait() == INTERRUPTED, running.err
        check_stderr(running.err)
    assert notes()[-1] == f"code {-signal.SIGINT}"


def test_scripts_are_killed_with_their_block():
    """A guard for these tests."""
    running = Script("time.sleep(60)")
    running.end()
    assert running.process.returncode == -signal.SIGKILL
    assert subprocess.run([sys.executable, "-c", "pass"], check=False).returncode == 0


STUCK = """
nobody_reads, writing = os.pipe()
os.dup2(writing, 1)

@component
@outport("out")
async def talks(out):
    note("begun")
    while True:
        print("x" * 100_000)
        await asyncio.sleep(0)

g = Graph()
g.talks = talks
try:
    g.run(num_workers=1)
except KeyboardInterrupt:
    note("interrupted")
    os._exit(3)
"""


def test_ctrl_c_when_nobody_reads_what_is_printed():
    with script(STUCK) as program:
        program.wait_for_note("begun")
        time.sleep(0.5)  # the pipe is full by then, or the test is easier than it is meant to be
        program.signal_group()
        program.wait_for_note("interrupted")
        assert program.wait() == 3
