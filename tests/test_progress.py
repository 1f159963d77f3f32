"""What a user sees of a run that goes on."""

import itertools
import json
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

pyte = pytest.importorskip("pyte")
from programs import run_notebook  # noqa: E402
from pseudoterminal import PseudoTerminal  # noqa: E402  it needs pyte

from cascata import Graph, component, outport  # noqa: E402
from cascata.run.progress.table import HEADS, Table  # noqa: E402

pytestmark = pytest.mark.once

PROGRAM = """
import asyncio, logging, os, sys, time
from cascata import Graph, component, inport, outport, log

@component
@outport("number")
async def source(number):
    for n in range({items}):
        await number.send(n)

@component
@inport("number")
@outport("double")
async def slow(number, double):
    {each}
    await asyncio.sleep({pause})
    await double.send(2 * number)

@component
@inport("double")
async def sink(double):
    pass

graph = Graph()
graph.source = source
graph.slow = slow
graph.sink = sink
source.number >> slow.number
slow.double >> sink.double
{before}
{run}
print("the end")
"""


def program(items=40, pause=0.01, each="pass", before="", run="graph.run(num_workers=2, progress=0.05)"):
    return PROGRAM.format(items=items, pause=pause, each=each, before=before, run=run)


def watch(code, **options):
    return PseudoTerminal(sys.executable, "-c", code, **options)


def table_of(lines, end="the end"):
    """Give the lines of the one table that there is, and check that there is one."""
    (first,) = [place for place, line in enumerate(lines) if re.match(r"\d+ components?, ", line)]
    rows = lines[first:]
    return rows[: rows.index(end)] if end in rows else rows


@pytest.mark.parametrize("workers", [0, 2])
def test_a_terminal_shows_one_table_that_changes_and_stays(workers):
    with watch(program(run=f"graph.run(num_workers={workers}, progress=0.05)")) as terminal:
        terminal.until(lambda lines: any("slow  " in line and "awaiting" in line for line in lines))
        terminal.until(lambda lines: any("slow  " in line and "<- slowest" in line for line in lines))
        assert terminal.end() == 0
        title, heads, *rows = table_of(terminal.lines)
        where = "in the calling process" if workers == 0 else "2 workers"
        assert re.fullmatch(rf"3 components, {where}, \d+\.\d s", title)
        assert heads.split() == [head for head in HEADS.values() if head]
        assert [row.split()[0] for row in rows] == ["source", "slow", "sink"]
        assert rows[1].split()[2:5:2] == ["40", "40"]
        assert [("<- slowest" in row) for row in rows] == [False, True, False]
        assert terminal.text.count(b"\x1b[J") > 1, "it was drawn again and again"
        assert b"\x1b[?25l" not in terminal.text, "the cursor was never hidden"


def test_a_short_run_shows_its_table_once():
    with watch(program(items=2, pause=0, run="graph.run(num_workers=2, progress=True)")) as terminal:
        assert terminal.end() == 0
        assert len(table_of(terminal.lines)) == 5
        assert b"\x1b[J" not in terminal.text


EACH = """
    if number % 4 == 0: print("printed", number)
    if number % 4 == 1: print("complained", number, file=sys.stderr)
    if number % 4 == 2: log.info("logged %d", number)
    if number % 4 == 3: app.warning("configured %d", number)
"""
# A handler of the program's own that has taken hold of the stream before.
APP = """
app = logging.getLogger("app")
app.propagate = False
app.addHandler(logging.StreamHandler())
app.handlers[0].setFormatter(logging.Formatter("APP %(message)s"))
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_what_components_print_and_log_stands_above_the_table_in_order(workers):
    run = f"""
graph.run(num_workers={workers}, progress=0.05)
print("afterwards", file=sys.stderr)
app.warning("too")
"""
    with watch(program(items=20, each=EACH, before=APP, run=run)) as terminal:
        assert terminal.end() == 0
        lines = terminal.lines
        kinds = "printed {}", "complained {}", "INFO - slow@slow : logged {}", "APP configured {}"
        assert lines[:20] == [kinds[n % 4].format(n) for n in range(20)]
        assert len(table_of(lines, end="afterwards")) == 5
        assert [line for line in lines[25:] if line] == ["afterwards", "APP too", "the end"]


def test_a_line_without_an_end_is_shown_when_it_is_complete():
    each = (
        "print(number, end='\\n' if number % 10 == 9 else ' ', flush=True)\n    if number == 39: print('half', end='')"
    )
    with watch(program(each=each)) as terminal:
        assert terminal.end() == 0
        counted = [" ".join(map(str, range(n, n + 10))) for n in range(0, 40, 10)]
        assert terminal.lines[:5] == [*counted, "half"]
        assert len(table_of(terminal.lines)) == 5


def test_what_goes_to_a_file_still_does():
    with watch(program(each="print(number)"), streams=(0, 2)) as terminal:
        out = []
        reader = threading.Thread(target=lambda: out.append(terminal.process.stdout.read()))
        reader.start()
        assert terminal.end() == 0
        reader.join()
        assert out == ["".join(f"{n}\n" for n in range(40)).encode() + b"the end\n"]
        assert len([line for line in table_of(terminal.lines) if line]) == 5


def test_where_messages_go_to_a_file_there_are_lines():
    done = subprocess.run([sys.executable, "-c", program(items=100)], capture_output=True, text=True, check=True)
    assert done.stdout == "the end\n"
    *lines, title, heads, source, slow, sink = done.stderr.splitlines()
    assert len(lines) >= 3
    number = r"[\d,.]+"
    behind = rf"({number} items?), {number}/s, \d of 3 components unfinished"
    assert all(re.match(rf"{number} s: {behind}", line) for line in lines)
    assert re.search(r"unfinished, slowest: slow \(\d+% awaiting, \d+/10 inside\)$", lines[1])
    assert title.startswith("3 components, 2 workers, ")
    assert "\x1b" not in done.stderr
    assert len({line.index(word) + len(word) for line, word in [(heads, "inside"), (slow, "/10"), (sink, "/10")]}) == 1
    assert source.startswith("source ")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_and_drawing_only_where_they_are_wanted(environment):
    with watch(program(), **environment) as terminal:
        assert terminal.end() == 0
    assert b"\x1b[1;33m" not in terminal.text
    assert (b"\x1b" in terminal.text) == (environment != {"TERM": "dumb"})


def test_colours_mark_the_slowest():
    with watch(program()) as terminal:
        assert terminal.end() == 0
    assert b"\x1b[1;33mslow" in terminal.text


def test_a_narrow_terminal_shows_fewer_columns():
    with watch(program(), columns=44) as terminal:
        assert terminal.end() == 0
        _, heads, source, slow, sink = table_of(terminal.lines)
        assert heads.split() == ["component", "in/s", "time"]
        assert "<- slowest" in slow
        assert [row.split()[0] for row in (source, slow, sink)] == ["source", "slow", "sink"]


def test_columns_give_way_one_after_the_other():
    @component
    @outport("number")
    async def a_component_of_some_length(number):
        await number.send(1)

    graph = Graph()
    graph.first = a_component_of_some_length
    run = graph.start(num_workers=0)
    run.join()
    table = Table.of(run.snapshot())
    shown = [table.columns(width) for width in range(100, 0, -1)]
    assert (shown[0], shown[-1]) == (list(HEADS), ["component"])
    assert all(set(fewer) <= set(more) and len(more) - len(fewer) <= 1 for more, fewer in itertools.pairwise(shown))
    for width in range(8, 100):
        beside = sum(2 + max(len(HEADS[c]), len(table.rows[0].cells[c])) for c in table.columns(width)[1:])
        assert table.room_for_names(width) == width - beside >= 8


def test_a_terminal_of_hardly_any_width():
    with watch(program(), columns=9, lines=3) as terminal:
        assert terminal.end() == 0
        assert any(line.startswith("s") for line in terminal.lines)


def test_a_terminal_that_changes_its_size():
    with watch(program(items=100)) as terminal:
        terminal.until(lambda lines: any("<- slowest" in line for line in lines))
        terminal.resize(120, 10)
        assert terminal.end() == 0
        assert len(table_of(terminal.lines)) == 5


MANY = """
from cascata import Graph, component, inport, outport
import time
@component
@outport("out")
async def source(out):
    for n in range(30):
        await out.send(n)
@component
@inport("item")
@outport("out")
async def relay(item, out):
    await out.send(item)
@component
@inport("item")
async def slow(item):
    time.sleep(0.02)
g = Graph()
last = g.add("source", source).out
for n in range(300):
    relayed = g.add(f"relay{n}", relay)
    last >> relayed.item
    last = relayed.out
last >> g.add("slow", slow).item
g.run(num_workers=1, progress=0.05)
print("the end")
"""


def test_of_many_components_those_at_work_are_shown():
    with watch(MANY, lines=12) as terminal:
        terminal.until(lambda lines: any(line.startswith("slow") and "<- slowest" in line for line in lines))
        assert terminal.end() == 0
        _, _, *rows, below = table_of(terminal.lines)
        assert len(rows) == 12 - 4
        assert rows[-1].startswith("slow ")
        assert below == "and 294 components more"


def test_an_exception_is_printed_below_the_table():
    with watch(program(each="assert number < 20, 'too many'")) as terminal:
        assert terminal.end() == 1
        rows = table_of(terminal.lines)
        assert [row.split()[0] for row in rows[2:5]] == ["source", "slow", "sink"]
        assert rows[5] == "Traceback (most recent call last):"
        assert any("AssertionError: too many" in row for row in rows)


@pytest.mark.parametrize(
    "run",
    [
        "run(num_workers=2, progress=0.05)",
        "run(num_workers=0, progress=0.05)",
        "start(num_workers=2, progress=0.05).join()",
    ],
)
def test_an_interrupt_leaves_the_terminal_in_order(run):
    with watch(program(items=100_000, run=f"graph.{run}")) as terminal:
        terminal.until(lambda lines: any("<- slowest" in line for line in lines))
        terminal.type("\x03")
        assert terminal.end() == -signal.SIGINT
        rows = table_of(terminal.lines)
        assert rows[5] == "Traceback (most recent call last):"
        assert "KeyboardInterrupt" in rows
        assert not terminal.screen.cursor.hidden


@pytest.mark.parametrize("each", ["pass", "print('x' * 1000)"])
def test_a_terminal_that_takes_nothing_any_more_does_not_keep_a_run_from_being_killed(each):
    with watch(program(items=100_000, pause=0.001, each=each), columns=200, lines=60) as terminal:
        waiting = 0
        while terminal.waiting != waiting or not waiting:  # it takes nothing, as nobody reads it
            waiting = terminal.waiting
            time.sleep(0.3)
        while terminal.process.poll() is None:
            terminal.process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert terminal.process.returncode == -signal.SIGINT


def test_a_second_run_at_the_same_time_writes_lines_above_the_table():
    run = """
first = graph.start(num_workers=1, progress=0.05)
time.sleep(0.3)
second = graph.start(num_workers=1, progress=0.05)
first.join(), second.join()
"""
    with watch(program(items=40, run=run), lines=60) as terminal:
        assert terminal.end() == 0
        assert sum(line.startswith("component ") for line in terminal.lines) == 2
        assert any(re.match(r"\d\.\d s: \d+ items", line) for line in terminal.lines)


def test_a_process_that_a_component_forks_prints_for_itself():
    each = """
    if number == 20:
        if (pid := os.fork()) == 0:
            print("from a child"); os._exit(0)
        os.waitpid(pid, 0)
    """
    with watch(program(each=each, run="graph.run(num_workers=0, progress=0.05)")) as terminal:
        assert terminal.end() == 0
    assert b"from a child" in terminal.text


def test_nothing_is_shown_unless_it_is_asked_for():
    with watch(program(run="graph.run(num_workers=2)")) as terminal:
        assert terminal.end() == 0
        assert [line for line in terminal.lines if line] == ["the end"]


def test_rich_is_imported_for_a_terminal_only():
    code = program(run="graph.run(num_workers=1, progress=True)") + "\nprint('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the end\nFalse\n"


def test_a_notebook_shows_one_table_that_changes(tmp_path):
    cell = {
        "cell_type": "code",
        "id": "run",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": program(run="_ = graph.run(num_workers=1, progress=0.05)"),
    }
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (outputs,) = run_notebook(text, tmp_path)
    (table,) = [output for output in outputs if output["output_type"] == "display_data"]
    html, text = table["data"]["text/html"], table["data"]["text/plain"]
    assert re.search(r"<tr style=.*>slow</td>.*>40</td>.*&lt;- slowest</td></tr>", html)
    assert re.search(r"^slow +0 +40 ", text, re.MULTILINE)
