"""Programs in the manner of what cascata 0.1 documents run unchanged and print what they say at their top.

They print the same under 0.1.7 and 0.1.8, as far as these do what is documented: in 0.1.7 each consumer of a channel
gets every item, 0.1.8 may lose some on their way through a group, both know no `main.prep_name`, and write the log's
colours into files, too.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_it_prints_what_it_says(program):
    _, says = ast.get_docstring(ast.parse(program.read_text())).split("\n\n")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (says + "\n", "", 0)
