"""Every Python example in README.md and docs/ runs, in order, each page in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")


def program(page: Path) -> str:
    """The page's blocks as one program whose line numbers are those of the page."""
    lines: list[str] = []
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        start = text.count("\n", 0, block.start(1))
        lines += [""] * (start - len(lines)) + block[1].splitlines()
    return "\n".join(lines)


@pytest.mark.parametrize("page", [p for p in PAGES if program(p)], ids=lambda page: page.name)
def test_examples_run(page, tmp_path):
    script = tmp_path / f"page_{page.stem}.py"  # not the name of a library
    script.write_text(program(page), encoding="utf-8")
    environment = dict(os.environ, OMP_NUM_THREADS="1", ELMAN_NUM_THREADS="1")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    broken = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert not broken


def test_a_broken_example_would_be_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("text\n```python\nx = 1\n```\nmore\n```python\nassert x == 2\n```\n")
    assert program(page).splitlines()[6] == "assert x == 2"
    with pytest.raises(AssertionError):
        exec(program(page), {})


def test_every_file_of_the_core_has_its_place_in_the_table():
    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    files = [file.name for file in (ROOT / "csrc").iterdir() if file.is_file()]
    assert [name for name in files if f"`{name}`" not in text] == []


def test_readme_holds_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install . && elman forecast" in text
    assert 'pip install ".[test]" && pytest' in text
