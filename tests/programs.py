"""Python programs, run as a user runs them."""

import os
import subprocess
import sys

SECONDS = 40
"""How long a program may take."""


def run_program(file, *arguments, expect=0, environment=()):
    """Run a program in a process of its own and give what it printed. One that succeeds must not complain."""
    done = subprocess.run(
        [sys.executable, file, *map(str, arguments)],
        env={**os.environ, "PYTHONUTF8": "1", **dict(environment)},
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == expect, done.stderr
    assert expect or not done.stderr
    return done.stdout or done.stderr
