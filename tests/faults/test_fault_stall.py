"""Code that does not let go of its worker is reported by component and line; so is what a run does that is late."""

# ruff: noqa: N802, T201  components are named as what they define would be, a class; some print

import asyncio
import ctypes
import faulthandler
import inspect
import io
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faultlib import descendants, note, notes, until, until_async

from cascata import Graph, RunTimeout, WorkerDied, component, inport, log
from cascata.run.source import Line, of_coroutine, of_dump, of_frame, shortened, text_of

AFTER = 0.3
LATE = {None: 0.3, "fork": 0.3, "spawn": 1.5}
"""Seconds within which a component has begun that is to be found where it is."""
WAYS = [(0, None), (1, "fork"), (2, "fork"), (1, "spawn")]


def dawdle(done):
    """Block until it has been reported."""
    while not done():
        time.sleep(0.01)


@component
@inport("done")
async def Blocking(done):
    await asyncio.sleep(0)
    note("blocks")
    dawdle(done)


@component
async def Waiting():
    note("waits")
    await asyncio.sleep(3 * AFTER)


def told():
    return "told" in notes()


class Telling(logging.Handler):
    """Notes that there has been a warning."""

    def emit(self, record):
        if record.levelno == logging.WARNING:
            note("told")


@pytest.fixture
def telling():
    handler = Telling()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


def place_in(definition, text):
    """Where a component's source has this line, as messages have it."""
    lines, first = inspect.getsourcelines(definition.__wrapped__)
    (number,) = [number for number, line in enumerate(lines, first) if line.strip() == text]
    return f"{Path(__file__).name}:{number} in {definition.__name__}"


@pytest.mark.parametrize(("num_workers", "method"), WAYS)
def test_what_blocks_its_worker_is_reported(telling, caplog, num_workers, method):
    graph = Graph()
    graph.add("blocking", Blocking).done.set(told)
    graph.add("waiting", Waiting)
    report = graph.run(num_workers=num_workers, start_method=method, stall_after=AFTER)
    (stall,) = report.stalls
    assert (stall.component, stall.component_class, stall.worker) == ("blocking", "Blocking", 0)
    assert stall.seconds >= AFTER
    assert place_in(Blocking, "dawdle(done)") in stall.where
    assert "which has called" in stall.where
    assert str(stall) in str(report)
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert (record.component, record.component_class, record.worker) == ("blocking", "Blocking", 0)
    assert stall.where in record.getMessage()
    assert "asyncio.to_thread" in record.getMessage()


@pytest.mark.parametrize(("num_workers", "method"), WAYS)
def test_what_awaits_is_not_reported(num_workers, method):
    graph = Graph()
    graph.add("waiting", Waiting)
    graph.add("other", Waiting)
    assert graph.run(num_workers=num_workers, start_method=method, stall_after=AFTER).stalls == []


@component
async def BlocksAtTimes():
    for _ in range(2):
        time.sleep(2 * AFTER)  # noqa: ASYNC251  that is what is tested
        await asyncio.sleep(AFTER)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_each_time_is_reported_once(caplog, num_workers):
    graph = Graph()
    graph.add("blocking", BlocksAtTimes)
    report = graph.run(num_workers=num_workers, stall_after=AFTER)
    assert len(report.stalls) == 2
    assert len(caplog.records) == 2


@pytest.mark.parametrize("num_workers", [0, 1])
def test_none_is_never(caplog, num_workers):
    graph = Graph()
    graph.add("blocking", BlocksAtTimes)
    assert graph.run(num_workers=num_workers, stall_after=None).stalls == []
    assert not caplog.records


@component
async def HoldsTheLock():
    ctypes.PyDLL(None).usleep(1_000_000)


def test_c_code_that_holds_the_interpreters_lock_is_reported():
    graph = Graph()
    graph.add("holding", HoldsTheLock)
    (stall,) = graph.run(num_workers=1, stall_after=AFTER).stalls
    assert stall.component == "holding"
    assert "in HoldsTheLock" in stall.where


@component
@inport("done")
async def BlocksInATask(done):
    async def aside():
        dawdle(done)

    task = asyncio.create_task(aside())
    await task


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_task_that_a_component_has_started_is_reported_too(telling, num_workers):
    graph = Graph()
    graph.add("blocking", BlocksInATask).done.set(told)
    (stall,) = graph.run(num_workers=num_workers, stall_after=AFTER).stalls
    assert stall.component is None
    assert "in aside, which has called" in stall.where


def test_a_worker_that_was_stopped_by_a_signal_is_reported(caplog):
    graph = Graph()
    graph.add("waiting", Waiting)
    graph.add("late", Late).done.set(told)
    run = graph.start(num_workers=1, start_method="fork", stall_after=AFTER)
    until(lambda: {"waits", "late"} <= set(notes()))
    (worker,) = descendants(os.getpid())
    os.kill(worker.pid, signal.SIGSTOP)
    until(lambda: caplog.records)
    os.kill(worker.pid, signal.SIGCONT)
    note("told")
    (stall,) = run.join().stalls
    assert (stall.component, stall.where) == (None, "")
    assert "worker 0 has not run for" in caplog.text
    assert "waiting" in caplog.text


class SlowStream(io.StringIO):
    """A terminal that takes no text for a while."""

    def write(self, text):
        """Take it in the end."""
        time.sleep(2 * AFTER * (len(text) > 1))
        return len(text)


@component
async def Prints():
    for _ in range(3):
        print("x" * 300_000)  # more than is read of a worker at once


def test_a_caller_that_is_held_up_itself_reports_nobody(monkeypatch, caplog):
    """It hears no answer meanwhile."""
    graph = Graph()
    graph.place(graph.add("prints", Prints), worker=0)
    graph.place(graph.add("waiting", Waiting), worker=1)
    monkeypatch.setattr(sys, "stdout", SlowStream())
    assert graph.run(num_workers=2, stall_after=AFTER).stalls == []
    assert not caplog.records


@component
@inport("done")
async def Late(done):
    note("late")
    await until_async(done)


@component
@inport("done")
async def Awaiting(done):
    await Late.__wrapped__(done)


@pytest.mark.parametrize(("num_workers", "method"), WAYS)
def test_a_late_run_tells_where_its_components_are(num_workers, method):
    graph = Graph()
    graph.add("awaiting", Awaiting).done.set(bool)
    with pytest.raises(RunTimeout) as caught:
        graph.run(num_workers=num_workers, start_method=method, timeout=LATE[method])
    text = caught.value.components["awaiting"]
    assert text.startswith("awaits something that is no channel, at ")
    assert place_in(Awaiting, "await Late.__wrapped__(done)") in text
    assert "asyncio" in text


def test_a_late_run_tells_what_blocks_it(telling, impatient):
    graph = Graph()
    graph.add("blocking", Blocking).done.set(told)
    graph.add("waiting", Waiting)
    graph.place(graph.blocking, graph.waiting, worker=0)
    try:
        with pytest.raises(RunTimeout) as caught:
            graph.run(num_workers=1, timeout=1.0)
    finally:
        note("told")
    text = caught.value.components["blocking"]
    assert text.startswith("runs, at ")
    assert f"{place_in(Blocking, 'dawdle(done)')}, which has called" in text


@component
async def Faulty():
    await asyncio.sleep(0)
    fault()


def fault():
    ctypes.string_at(0)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_segmentation_fault_tells_the_stack(method):
    graph = Graph()
    graph.add("faulty", Faulty)
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=1, start_method=method)
    error = caught.value
    assert error.signal == signal.SIGSEGV
    assert "Segmentation fault" in error.stack
    assert re.search(r"in string_at\n.*in fault\n.*in Faulty$", error.stack)
    assert error.stack in str(error)


@component
async def Killed():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_leaves_no_stack():
    graph = Graph()
    graph.add("killed", Killed)
    with pytest.raises(WorkerDied) as caught:
        graph.run(num_workers=1)
    assert caught.value.stack == ""


@component
async def Stubborn():
    note("blocks")
    try:
        await asyncio.Event().wait()
    finally:
        while True:
            time.sleep(0.01)  # noqa: ASYNC251  that is what is tested


def test_a_worker_that_is_killed_is_told_with_what_it_executes(impatient, caplog):
    graph = Graph()
    graph.add("stubborn", Stubborn)
    run = graph.start(num_workers=1, start_method="fork")
    until(lambda: "blocks" in notes())
    run.stop()
    run.join()
    assert re.search(r"is killed; it was running stubborn, at .*:\d+ in Stubborn", caplog.text)


@pytest.mark.parametrize("seconds", [0, -1, "10", True, float("nan")])
def test_what_is_no_time_is_refused(seconds):
    graph = Graph()
    graph.add("waiting", Waiting)
    with pytest.raises((TypeError, ValueError), match="stall_after="):
        graph.run(num_workers=0, stall_after=seconds)


# Lines of source.


def test_the_lines_of_a_frame_end_with_the_component():
    async def inner():
        return of_frame(sys._getframe())

    async def outer():
        return await inner()

    lines = asyncio.run(outer())
    assert [line.function for line in lines] == ["inner", "outer"]
    assert text_of(lines) == f"{lines[1]}, which has called {lines[0]}"


def test_the_lines_of_a_coroutine_go_through_generators():
    class Awaitable:
        def __await__(self):
            yield from self.steps()

        def steps(self):
            yield None

    async def inner():
        await Awaitable()

    async def outer():
        await inner()

    coroutine = outer()
    coroutine.send(None)
    assert [line.function for line in of_coroutine(coroutine)] == ["steps", "__await__", "inner", "outer"]
    coroutine.close()
    assert of_coroutine(coroutine) == []
    assert text_of([]) == ""


def test_what_faulthandler_writes_is_read(tmp_path):
    module = tmp_path / "mödule one.py"
    module.write_text("def outer(write):\n    write()\n")
    file = tmp_path / "dump"
    code = compile(module.read_text(), str(module), "exec")
    space = {}
    exec(code, space)  # noqa: S102
    with file.open("w") as dump:
        space["outer"](lambda: faulthandler.dump_traceback(dump, all_threads=False))
    lines = of_dump(file.read_text())
    assert lines[1] == Line(str(module).replace("ö", "\\xf6"), 2, "outer")
    assert of_dump("") == []
    assert shortened(
        "Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  <no Python frame>"
    ) == ("Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  <no Python frame>")


def test_lines_are_relative_to_here_and_to_what_is_installed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(Line(str(tmp_path / "app.py"), 3, "f")) == "app.py:3 in f"
    assert str(Line("/elsewhere/app.py", 3, "f")) == "/elsewhere/app.py:3 in f"
    assert str(Line(asyncio.__file__, 3, "f")) == "asyncio/__init__.py:3 in f"


def test_an_in_process_run_under_a_debugger_is_left_alone():
    code = """
import sys, time
from cascata import Graph, component
@component
async def blocking():
    time.sleep(0.5)
graph = Graph()
graph.blocking = blocking
sys.settrace(lambda *_: None)
assert graph.run(num_workers=0, stall_after=0.1).stalls == []
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_lines_are_told_where_the_working_directory_has_been_removed(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert str(Line("/elsewhere/app.py", 3, "f")) == "/elsewhere/app.py:3 in f"
