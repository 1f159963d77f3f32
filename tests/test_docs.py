"""The code in the README and in the docs runs and prints what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(code, directory):
    file = directory / "snippet.py"
    file.write_text(code)
    done = subprocess.run(
        [sys.executable, file], cwd=file.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_of(page):
    return "\n".join(text for language, text in BLOCK.findall(page.read_text()) if language == "python")


def test_the_quick_start_prints_what_the_readme_says(tmp_path):
    section = (ROOT / "README.md").read_text().split("## Quick start")[1].split("\n## ")[0]
    code, output = (text for language, text in BLOCK.findall(section) if language != "sh")
    assert run(code, tmp_path) == output


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page, tmp_path):
    run(code_of(page), tmp_path)


@pytest.mark.once
@pytest.mark.parametrize(("picture", "call"), [("words", "words.to_svg()"), ("workers", "words.to_svg(num_workers=3)")])
def test_the_pictures_of_the_page_are_what_it_draws(picture, call, tmp_path):
    code = code_of(ROOT / "docs" / "pictures.md")
    drawn = run(f"{code}\nimport sys\nsys.stdout.reconfigure(encoding='utf-8')\nprint({call}, end='')\n", tmp_path)
    file = ROOT / "docs" / "pictures" / f"{picture}.svg"
    assert file.read_text(encoding="utf-8") == drawn, f"write what {call} draws into {file}"


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"
