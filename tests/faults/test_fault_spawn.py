"""Spawned workers: deaths and interrupts while they start, and what is left of them."""

# ruff: noqa: N802  components are named as what they define would be, a class

import asyncio
import contextlib
import errno
import importlib
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing import spawn
from pathlib import Path

import pytest
from faultgraph import Idle, Waiter
from faultlib import left_over, notes, orphans_end, script, until

from cascata import ComponentError, Graph, ItemError, RunTimeout, WorkerDied, component, inport, outport


def lasting():
    """Make a graph of components that wait, on two workers."""
    graph = Graph()
    graph.add("idle", Idle).resource < "idle"
    graph.add("waiter", Waiter).resource < "waiter"
    graph.idle.out >> graph.waiter.value
    graph.place(graph.idle, worker=0)
    graph.place(graph.waiter, worker=1)
    return graph


WAYS = ["run", "start", "arun"]


def call(graph, way, **options):
    options |= {"num_workers": 2, "start_method": "spawn"}
    if way == "run":
        return graph.run(**options)
    if way == "start":
        return graph.start(**options).join()
    return asyncio.run(graph.arun(**options))


@pytest.fixture
def interpreter(tmp_path):
    """Have workers spawned by another program."""
    before = spawn.get_executable()

    def use(text):
        path = tmp_path / "interpreter"
        if text is not None:
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        multiprocessing.set_executable(str(path))

    yield use
    multiprocessing.set_executable(os.fsdecode(before))


@pytest.mark.parametrize("way", WAYS)
def test_no_interpreter(way, interpreter):
    interpreter(None)
    with pytest.raises(FileNotFoundError):
        call(lasting(), way)


@pytest.mark.parametrize("way", WAYS)
def test_an_interpreter_that_exits(way, interpreter):
    interpreter("exit 3")
    with pytest.raises(WorkerDied) as caught:
        call(lasting(), way)
    assert caught.value.exitcode == 3


def test_an_interpreter_that_is_killed(interpreter):
    interpreter("kill -9 $$")
    with pytest.raises(WorkerDied) as caught:
        call(lasting(), "run")
    assert caught.value.signal == signal.SIGKILL


def test_an_interpreter_that_hangs(interpreter, impatient):
    interpreter("exec sleep 3600")
    with pytest.raises(RunTimeout):
        call(lasting(), "run", timeout=0.3)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fails_at", [0, 1])
def test_no_process_can_be_had(way, fails_at, monkeypatch):
    posix_spawn, count = os.posix_spawn, []

    def failing(*args, **options):
        count.append(1)
        if len(count) == fails_at + 1:
            raise OSError(errno.EAGAIN, "no process to be had")
        return posix_spawn(*args, **options)

    monkeypatch.setattr(os, "posix_spawn", failing)
    with pytest.raises(OSError, match="no process to be had"):
        call(lasting(), way)


AT_IMPORT = {
    "os._exit(7)": WorkerDied,
    "os.kill(os.getpid(), 9)": WorkerDied,
    "raise ImportError('not here')": ComponentError,
    "raise SystemExit(4)": ComponentError,
    "sys.exit()": ComponentError,
}


@pytest.mark.parametrize("act", AT_IMPORT)
def test_a_module_that_ends_its_worker_when_it_is_imported(act, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "fatal.py").write_text(
        "import multiprocessing, os, sys\n"
        "from cascata import component\n"
        f"if multiprocessing.parent_process() is not None:\n    {act}\n"
        "@component\nasync def Fatal():\n    pass\n"
    )
    graph = lasting()
    graph.add("fatal", importlib.import_module("fatal").Fatal)
    try:
        with pytest.raises(AT_IMPORT[act]) as caught:
            call(graph, "run")
    finally:
        del sys.modules["fatal"]
    if act.startswith("raise ImportError"):
        assert isinstance(caught.value.__cause__, ImportError)
        assert "not here" in str(caught.value)


def test_a_refusal_leaves_nothing():
    graph = lasting()
    graph.idle.resource < (number for number in range(3))
    for way in WAYS:
        with pytest.raises(ItemError, match=r"^idle\.resource: a generator cannot be sent"):
            call(graph, way)


def test_a_worker_is_killed():
    running = lasting().start(num_workers=2, start_method="spawn")
    until(lambda: {"idle began"} <= set(notes()), "the beginning")
    os.kill(running._engine._workers[0].pid, signal.SIGKILL)
    with pytest.raises(WorkerDied) as caught:
        running.join()
    assert (caught.value.signal, caught.value.components) == (signal.SIGKILL, ["idle"])


def test_a_timeout():
    with pytest.raises(RunTimeout):
        call(lasting(), "run", timeout=2)


def test_signals_of_a_worker():
    @component
    @outport("out")
    async def Looks(out):
        own = [number for number in signal.valid_signals() if callable(signal.getsignal(number))]
        await out.send((own, signal.pthread_sigmask(signal.SIG_BLOCK, [])))

    graph = Graph()
    graph.add("looks", Looks)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        report = graph.run(start_method="spawn", collect=[graph.looks.out])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert report.collected["looks.out"] == [([signal.SIGINT], before | {signal.SIGUSR2})]


def open_files():
    files = []
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            files.append(str(entry.readlink()))
    return files


def test_descriptors_of_a_worker():
    """It has what it needs and nothing of the other workers."""

    @component
    @outport("out")
    async def Counts(out):
        await out.send(open_files())

    graph = Graph()
    for name in ("a", "b", "c"):
        graph.add(name, Counts)
    report = graph.run(num_workers=3, start_method="spawn", collect=[graph.a.out, graph.b.out, graph.c.out])
    for ((*_, sent),) in zip(report.collected.values(), strict=True):
        assert sum(entry.startswith("socket") for entry in sent) == 3  # its pipe, and two of its event loop
        # The run's memory, and where its own stack would go; the job has been read.
        assert sum("cascata" in entry for entry in sent) == 2


@component
@inport("value")
@outport("out")
async def Same(value, out):
    await out.send(value)


@component
async def Fails():
    msg = "told"
    raise ValueError(msg)


def test_several_runs(nothing_left):
    for number in range(6):
        graph = Graph()
        graph.add("same", Same).value < bytes(100_000)
        if number % 3 == 1:
            graph.add("fails", Fails)
            with pytest.raises(ComponentError):
                call(graph, WAYS[number % 2])
        else:
            report = call(graph, WAYS[number % 2], collect=[graph.same.out])
            assert len(report.collected["same.out"][0]) == 100_000
            del report
        del graph
    assert not left_over(nothing_left)


SPAWNED = """
    graph = lasting(Slow)
    note("go")
    graph.run(num_workers=3, start_method="spawn")
    """


@pytest.mark.parametrize("seed", range(0, 8, 2))
def test_workers_end_with_a_caller_killed_while_it_starts_them(seed, nothing_left):
    with script(SPAWNED) as running:
        running.wait_for_note("go")
        time.sleep(0.06 * seed)
        running.process.send_signal(signal.SIGKILL)
        running.wait()
        orphans_end(nothing_left)


def test_workers_end_with_a_caller_killed_while_they_run(nothing_left):
    with script(SPAWNED) as running:
        running.wait_for_note("jam began", "idle began")
        running.process.send_signal(signal.SIGKILL)
        running.wait()
        orphans_end(nothing_left)


@pytest.mark.parametrize("seed", range(1, 8, 2))
def test_ctrl_c_while_they_start(seed, nothing_left):
    """Nobody but the caller says anything."""
    with script(SPAWNED) as running:
        running.wait_for_note("go")
        time.sleep(0.06 * seed)
        running.signal_group()
        assert running.wait() == -signal.SIGINT
        assert running.err.count("Traceback") == 1, running.err
        assert running.err.rstrip().endswith("KeyboardInterrupt")
        assert running.workers() == []
        orphans_end(nothing_left)


def test_ctrl_c_while_they_run(nothing_left):
    with script(SPAWNED) as running:
        running.wait_for_note("jam began", "idle began", "slow began")
        running.signal_group()
        assert running.wait() == -signal.SIGINT
        assert {"idle finally", "slow tidied up"} <= set(notes())
        assert running.err.count("Traceback") == 1, running.err
        orphans_end(nothing_left)


def test_a_stop_while_they_start():
    running = lasting().start(num_workers=2, start_method="spawn")
    running.stop()
    assert running.join().start_method == "spawn"
