"""Every fault in every place of every kind of run: what the caller sees, what is kept, and that nothing is left.

`matrix.py` has the table. `CASCATA_FAULTS=all` plays all of it; otherwise each fault comes once in each place.
"""

import os
import re
import signal

import matrix
import pytest
from faultgraph import FIRING, check_in_order, check_notes
from faultlib import note, notes, orphans, orphans_end, place_of, script, until
from matrix import FAULTS

from cascata import ComponentError, ItemError, RunTimeout, WorkerDied, log

EVERYTHING = os.environ.get("CASCATA_FAULTS") == "all"
CELLS = matrix.everything() if EVERYTHING else matrix.covering()

DEADLINE = 40
"""Seconds after which a run has hung. Never a measure of speed."""

TIMES = (0.3, 1.5, 10.0)
"""Seconds that a run has which is to be late: more if the victim has not come to its place before they were over."""

pytestmark = pytest.mark.timeout(DEADLINE)


def marked(cell):
    """What Python has a part in is tried with each version of it."""
    return pytest.param(cell, id=str(cell), marks=[] if FAULTS[cell.fault].outcome == "fails" else [pytest.mark.once])


@pytest.mark.parametrize("cell", [marked(cell) for cell in CELLS])
def test_cell(cell, caplog, nothing_left):
    OUTCOMES[FAULTS[cell.fault].outcome](cell, caplog, nothing_left)


def run_of(cell):
    return cell.graph().run(**cell.options())


def fails(cell, caplog, before):
    """The component's exception is raised, with all that belongs to it."""
    with pytest.raises(ComponentError) as caught:
        run_of(cell)
    error, kind = caught.value, cell.expected["cause"]
    check_who(error, cell, "victim")
    expected = {"value": str(FIRING[cell.place])} if cell.place in FIRING else {}
    assert error.inputs == expected | ({"never": "None"} if cell.place == "parked" else {})
    if cell.expected.get("stands_in") and cell.num_workers:
        assert kind.__name__ in str(error.__cause__)
        assert any("stands for" in text for text in error.__cause__.__notes__)
    else:
        assert type(error.__cause__) is kind
    assert "# the victim's line" in error.remote_traceback
    assert error.remote_traceback.strip() in str(error)
    assert error.others == []
    check_notes(cell.place)


def dies(cell, caplog, before):
    """The worker is named, what killed it, and what was on it; where there is a stack, it is shown."""
    graph = cell.graph()
    with pytest.raises(WorkerDied) as caught:
        graph.run(**cell.options())
    error = caught.value
    worker, components = place_of(graph, "victim", cell.num_workers)
    assert (error.worker, error.components) == (worker, components)
    assert (error.exitcode, error.signal) == (cell.expected.get("exitcode"), cell.expected.get("signal"))
    assert f"worker {worker}" in str(error)
    assert all(name in str(error) for name in components)
    how = f"code {error.exitcode}" if error.signal is None else signal.Signals(error.signal).name
    assert how in str(error)
    assert ("in crashes" in error.stack) == ("in crashes" in str(error)) == (error.signal == signal.SIGSEGV)
    assert error.others == []
    check_notes(cell.place, killed=components)


def stalls(cell, caplog, before):
    """That is told while it lasts, and the run goes on."""
    told = log.addFilter(tell := lambda record: note("told") or True)
    assert told is None
    try:
        run = cell.graph().start(**cell.options(), stall_after=0.2)
        until(lambda: "told" in notes())
        for text in notes():
            if text.startswith("stopped"):
                os.kill(int(text.split()[1]), signal.SIGCONT)
        run.stop()
        (stall,) = run.join().stalls
    finally:
        log.removeFilter(tell)
    (record,) = caplog.records
    if cell.expected["stopped"]:
        assert "has not run for" in record.getMessage()
        assert "victim" in record.getMessage()
        assert stall.where == ""
    else:
        assert stall.component == "victim"
        assert re.search(r"\.py:\d+ in ", stall.where)
        assert stall.where in record.getMessage()
    check_in_order()


def refused(cell, caplog, before):
    """An item cannot be sent, or not be restored: that fails the component, and names the port."""
    with pytest.raises(ComponentError) as caught:
        run_of(cell)
    error, by = caught.value, cell.expected["by"]
    check_who(error, cell, by)
    if by == "victim":
        assert isinstance(error.__cause__, ItemError)
        assert "victim.out" in str(error)
        assert "_thread.lock" in str(error)
        assert "# the victim's line" in error.remote_traceback
    else:
        assert type(error.__cause__) is matrix.VictimError
        assert "sink.value" in str(error)
    assert error.others == []
    check_notes(cell.place)


def runs_late(cell, caplog, before):
    """The error tells what each component was doing, and where."""
    state = (
        r"awaits something that is no channel.*, at .*faultgraph\.py:\d+ in (Victim|Parked|finish_victim), which has"
    )
    if cell.place == "initialiser":
        state = r"waits for an item at victim\.value \(0 of 10 inside\)"
    for seconds in TIMES[cell.start.startswith("spawn") :]:
        with pytest.raises(RunTimeout) as caught:
            cell.graph().run(**cell.options(), timeout=seconds)
        error = caught.value
        assert error.others == []
        assert all(f"{name}: {text}" in str(error) for name, text in error.components.items())
        check_in_order()
        if f"fault in {cell.place}" in notes() and re.match(state, error.components["victim"]):
            break
    assert re.match(state, error.components["victim"])
    assert ("victim.never" in error.components["victim"]) == (cell.place == "parked")


def is_left(cell, caplog, before):
    """An exception in the block stops the run in order, and comes out of it."""
    mine = KeyError("mine")
    with pytest.raises(KeyError) as caught, cell.graph().start(**cell.options()) as run:  # noqa: PT012
        until(lambda: f"fault in {cell.place}" in notes())
        raise mine
    assert caught.value is mine
    assert not run.running
    check_notes(cell.place)
    del run, mine, caught


SCRIPT = """
    from matrix import Cell
    cell = Cell({fault!r}, {place!r}, {start!r})
    cell.graph().run(**cell.options())
    """


def run_alone(cell):
    """Run it in a process of its own."""
    return script(SCRIPT.format(fault=cell.fault, place=cell.place, start=cell.start))


def is_interrupted(cell, caplog, before):
    """It stops in order and raises `KeyboardInterrupt`; the second one kills what does not stop."""
    with run_alone(cell) as running:
        running.wait_for_note(f"fault in {cell.place}")
        if cell.expected["times"] == 2:
            running.wait_for_note("stubborn began")
        running.signal_group()
        if cell.expected["times"] == 2:
            running.wait_for_note("stubborn goes on")
            running.signal_group()
        assert running.wait(DEADLINE / 2) == -signal.SIGINT, running.err
        assert running.err.rstrip().endswith("KeyboardInterrupt")
        assert "cascata-worker" not in running.err
        if cell.expected["times"] == 1:
            assert orphans(before) == []
            check_notes(cell.place)
        orphans_end(before)


def loses_its_caller(cell, caplog, before):
    """No worker outlives it."""
    with run_alone(cell) as running:
        running.wait_for_note(f"fault in {cell.place}")
        running.process.kill()
        running.wait()
        orphans_end(before)


OUTCOMES = {
    check.__name__: check
    for check in (fails, dies, stalls, refused, runs_late, is_left, is_interrupted, loses_its_caller)
}


def check_who(error, cell, name):
    """Check that the error names the component, its class and its worker."""
    assert error.component == name
    assert error.component_class in ("Victim", "Parked", "Sink")
    assert error.worker == (place_of(cell.graph(), name, cell.num_workers)[0] if cell.num_workers else 0)
    assert f"{name} ({error.component_class}) on worker {error.worker}" in str(error)


def test_the_selection_has_every_fault_in_every_place_and_in_most_starts():
    everything, selected = set(matrix.everything()), set(matrix.covering())
    assert selected <= everything
    assert {(cell.fault, cell.place) for cell in selected} == {(cell.fault, cell.place) for cell in everything}
    assert {cell.start for cell in selected} == {cell.start for cell in everything}
    assert {cell.fault for cell in selected if cell.start.startswith("spawn")} == set(FAULTS)
