"""The sessions in the docs are what a shell shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted(ROOT.glob("docs/*.md")) if "```console\n" in page.read_text()]
MARK = "--- end of a command ---"


def session(page):
    """Give the files that a page shows, and its commands with what they print."""
    files, commands = {}, []
    for language, text in BLOCK.findall(page.read_text()):
        if language == "python" and (name := re.match(r"# (\S+\.py)\n", text)):
            files[name[1]] = text
        elif language == "console":
            parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
            commands += [tuple(part.partition("\n")[::2]) for part in parts]
    return files, commands


def played(commands, directory):
    """Run the commands in one shell, and give what each of them prints."""
    tools = directory / "tools"
    tools.mkdir()
    python = shlex.quote(sys.executable)
    (tools / "cascata").write_text(f'#!/bin/sh\nexec {python} -m cascata "$@"\n')
    (tools / "python").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    script = "".join(f"{command}\nstatus=$?; echo {shlex.quote(MARK)}; (exit $status)\n" for command in commands)
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join(str(Path(entry).resolve()) for entry in entries if entry)
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=directory,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.split(f"{MARK}\n")[:-1]


def normal(text, directory):
    """Leave out what is another one each time: the directory, and what was measured."""
    measured = re.compile(r"\d s\b|\d%|\bin/s\b|\"seconds\"")
    lines = text.replace(f"{directory}/", "").splitlines()
    varies = re.compile(r"[\d.,]+(% (busy|awaiting|waiting|blocked))?")
    return [varies.sub("0", re.sub(" +", " ", line)) if measured.search(line) else line for line in lines]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_session_of_a_page_goes_as_it_says(page, tmp_path):
    files, commands = session(page)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    printed = played([command for command, _ in commands], tmp_path)
    shown = [(command, normal(text, tmp_path)) for (command, _), text in zip(commands, printed, strict=True)]
    assert shown == [(command, normal(text, tmp_path)) for command, text in commands]


def test_there_are_sessions():
    assert "cli.md" in [page.name for page in PAGES]
