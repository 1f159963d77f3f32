"""Code of users under type checkers: what has to pass passes, and lines that end with `# E` are errors.

`cases` are checked as a program of the strictest sort would be. Where checkers differ, `# E mypy` or `# E pyright` says
for whom it is one.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once  # what is checked is the same for every version

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
MARK = re.compile(r"# E(?: (mypy|pyright))?$")


def expected(checker):
    """Give file and line of each error that is to be found."""
    found = set()
    for file in CASES.glob("*.py"):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if (mark := MARK.search(line)) and mark[1] in (None, checker):
                found.add((file.name, number))
    return found


def compare(checker, errors):
    """Compare errors, by file and line, with the marks."""
    marked = expected(checker)
    surplus = [f"{file}:{line}: {errors[file, line]}" for file, line in sorted(errors.keys() - marked)]
    missing = [f"{file}:{line}: no error" for file, line in sorted(marked - errors.keys())]
    assert not surplus + missing, "\n".join(surplus + missing)


def run(*command):
    sources = str(ROOT / "python")
    environment = {**os.environ, "MYPYPATH": sources, "PYTHONPATH": sources}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


@pytest.fixture
def page(tmp_path):
    """Give a file of the code of the documentation's page on the subject, which has no errors."""
    page = (ROOT / "docs" / "typing.md").read_text()
    file = tmp_path / "typing_page.py"
    file.write_text("\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)))
    return file


def test_mypy(page):
    pytest.importorskip("mypy")
    done = run(sys.executable, "-m", "mypy", "--no-error-summary", "--no-pretty", str(CASES), str(page))
    lines = (re.match(r"(.*?):(\d+): error: (.*)", line) for line in done.stdout.splitlines())
    errors = {(Path(line[1]).name, int(line[2])): line[3] for line in lines if line}
    assert errors, done.stdout + done.stderr
    compare("mypy", errors)


def test_pyright(page, tmp_path):
    pytest.importorskip("basedpyright")
    settings = {
        "include": [str(CASES), str(page)],
        "extraPaths": [str(ROOT / "python")],
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": True,
        "reportUnusedExpression": False,  # `port < value`, as a line of its own, does something
        "reportAttributeAccessIssue": True,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = run(
        sys.executable, "-m", "basedpyright", "--outputjson", "--project", str(tmp_path), "--pythonpath", sys.executable
    )
    errors = {}
    for problem in json.loads(done.stdout)["generalDiagnostics"]:
        if problem["severity"] == "error":
            place = Path(problem["file"]).name, problem["range"]["start"]["line"] + 1
            errors[place] = f"{problem['message']} ({problem.get('rule')})"
    compare("pyright", errors)


def test_nothing_that_users_see_is_of_an_unknown_type():
    pytest.importorskip("basedpyright")
    done = run(
        *(sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson"),
        *("--verifytypes", "cascata", "--ignoreexternal"),
    )
    unknown = {
        symbol["name"] for symbol in json.loads(done.stdout)["typeCompleteness"]["symbols"] if _is_unknown(symbol)
    }
    inner = re.compile(r"cascata\.(cli|run\.(?!handle|report|snapshot))")
    logger = {f"cascata.log.{name}" for name in ("critical", "debug", "error", "exception", "info", "warning")}
    assert {name for name in unknown if not inner.match(name)} == logger  # its methods, which are logging's


def _is_unknown(symbol):
    return symbol["isExported"] and not symbol["isTypeKnown"]
