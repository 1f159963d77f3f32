"""The command `cascata` as a process: in a terminal, in pipes, interrupted, with spawned workers."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("pyte")
from pseudoterminal import PseudoTerminal

pytestmark = pytest.mark.once

COMMAND = [sys.executable, "-m", "cascata"]

PIPELINE = """
import asyncio
from dataclasses import dataclass
from cascata import Graph, component, inport, outport

@dataclass
class Number:
    value: int

@component
@inport("count", default=20)
@outport("number")
async def source(count: int, number: Number):
    for n in range(count):
        await number.send(Number(n))

@component
@inport("number")
@inport("pause", default=0.01)
@outport("text")
async def slow(number: Number, pause: float, text: str):
    await asyncio.sleep(pause)
    await text.send(f"number {number.value}")

@component
@inport("text")
async def show(text: str):
    print(text)

graph = Graph()
graph.source = source
graph.slow = slow
graph.show = show
source.number >> slow.number
slow.text >> show.text
"""
NUMBERS = [f"number {n}" for n in range(20)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pipeline.py"
    path.write_text(PIPELINE)
    return path


def start(*arguments, **options):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_a_terminal_shows_progress_below_the_output(file):
    with PseudoTerminal(*COMMAND, "run", file, "--workers", 2) as terminal:
        assert terminal.end() == 0
        lines = [line for line in terminal.lines if line]
        assert lines[:20] == NUMBERS
        assert re.match(r"3 components, 2 workers, ", lines[20])
        assert [line.split()[0] for line in lines[21:]] == ["component", "source", "slow", "show"]


def test_no_progress_where_it_is_not_wanted(file):
    with PseudoTerminal(*COMMAND, "run", file, "--no-progress") as terminal:
        assert terminal.end() == 0
        assert [line for line in terminal.lines if line] == NUMBERS


def test_progress_in_a_terminal_while_the_output_goes_elsewhere(file):
    with PseudoTerminal(*COMMAND, "run", file, streams=(0, 2)) as terminal:
        assert terminal.end() == 0
        assert terminal.process.stdout.read().decode().splitlines() == NUMBERS
        assert [line.split()[0] for line in terminal.lines if line] == ["3", "component", "source", "slow", "show"]


def test_pipes(file):
    process = start("run", file)
    assert process.communicate() == ("\n".join([*NUMBERS, ""]), "")
    assert process.returncode == 0
    process = start("run", file, "--progress")
    out, err = process.communicate()
    assert (out.splitlines(), err.splitlines()[1].split()[0]) == (NUMBERS, "component")


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupt_from_the_terminal(file, workers):
    command = [*COMMAND, "run", file, "--workers", workers, "--set", "source.count=100000"]
    with PseudoTerminal(*command, lines=60) as terminal:
        terminal.until(lambda lines: any("<- slowest" in line for line in lines))
        terminal.type("\x03")
        assert terminal.end() == 130
        assert "Traceback" not in "\n".join(terminal.lines)
        assert [line for line in terminal.lines if line][-1] == "cascata: interrupted"


def test_an_interrupt_by_a_signal(file):
    process = start("run", file, "--set", "source.count=100000")
    assert process.stdout.readline() == "number 0\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "cascata: interrupted\n")


def test_an_interrupt_while_the_file_is_imported(file):
    file.write_text("import time; print('importing', flush=True); time.sleep(60)")
    process = start("run", file)
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "cascata: interrupted\n")


@pytest.mark.parametrize("arguments", [["run"], ["components"], ["check"]])
def test_output_that_nobody_reads(file, arguments):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        done = subprocess.run([*COMMAND, *arguments, file], stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_whose_output_nobody_reads_any_more_is_stopped(file, workers):
    process = start("run", file, "--set", "source.count=1000000", "--workers", workers)
    assert process.stdout.readline() == "number 0\n"
    process.stdout.close()
    with process.stderr as messages:
        assert messages.read() == ""
    assert process.wait() == 141


def test_messages_that_nobody_reads(file):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as err:
        done = subprocess.run([*COMMAND, "run", "no.py"], stdout=subprocess.PIPE, stderr=err, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")


def test_spawned_workers_import_the_file(file, tmp_path):
    (tmp_path / "helper.py").write_text("PAUSE = 0.001")
    file.write_text(PIPELINE.replace("import asyncio", "import asyncio, helper", 1) + "print(__name__)\n")
    process = start("run", file, "--start-method", "spawn", "--workers", 2)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    # Each process imports it once, under its own name.
    assert sorted(out.splitlines()) == sorted([*NUMBERS, *["pipeline"] * 3])


def test_nothing_is_left_of_a_command_that_is_killed(file):
    process = start("run", file, "--workers", 2, "--set", "source.count=100000")
    assert process.stdout.readline() == "number 0\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.01)
