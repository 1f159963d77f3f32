"""The example of faults: each ends, says what it was, and leaves nothing behind."""

import re

import pytest
from programs import example_file, run_program

pytestmark = pytest.mark.once

SAID = {
    "raised": r"ComponentError: check \(raises\) .*ZeroDivisionError[\s\S]*called with number=500",
    "killed": r"WorkerDied: worker 1 was killed by SIGKILL",
    "dead": r"DeadlockError: .*\n.*check\.number \(10 of 10 inside\)\n    - check waits for an item at check\.partner",
    "unsendable": r"ItemError: check\.checked\.send\(\): an item of type _thread\.lock cannot be sent",
    "late": r"RunTimeout: .*0\.7 s[\s\S]*- check: runs, at \S*examples/faults\.py:\d+ in stalls",
    "stalled": r"WARNING - check@stalls : [\s\S]*examples/faults\.py:\d+ in stalls[\s\S]*total: \[499500\]",
}


def test_each_fault_is_told_and_leaves_nothing():
    text = run_program(example_file("faults"))
    told = re.split(r"\n── .* ─+\n", text)[1:]
    assert len(told) == len(SAID)
    for text, said in zip(told, SAID.values(), strict=True):
        assert re.search(said, text)
        assert text.rstrip().endswith("worker processes left: none")


def test_one_fault_can_be_chosen():
    assert run_program(example_file("faults"), "killed").count("\n── ") == 1
    assert "there is no burnt; there are raised, killed" in run_program(example_file("faults"), "burnt", expect=2)
