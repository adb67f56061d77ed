"""README and docs: links and anchors lead somewhere, commands exist, README is short."""

import json
import re
import shlex
from pathlib import Path

import pytest

from rollcall.util.files import clone

TOP = clone()
PAGES = [
    *(TOP / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")),
    *sorted((TOP / "docs").glob("*.md")),
]
NOTEBOOKS = sorted((TOP / "notebooks").glob("**/*.ipynb"))
MOST_BYTES = 7_600
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip() for heading in headings]
    return {heading.lower().replace(" ", "-") for heading in plain}


def check_links(page: Path, text: str) -> None:
    for link in LINK.findall(text):
        if re.match(r"https?:|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page}: {link}"
        assert target.is_relative_to(TOP), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page}: {link} (has: {sorted(anchors(target))})"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_somewhere(page):
    check_links(page, page.read_text())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_of_notebooks_lead_somewhere(path):
    cells = json.loads(path.read_text())["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    check_links(path, text)


def test_readme_is_short():
    assert len((TOP / "README.md").read_bytes()) < MOST_BYTES


def commands(page: Path) -> list[list[str]]:
    """The words of each command of ours in a page's code blocks, continued lines joined."""
    text = page.read_text()
    blocks = re.findall(r"^```(?:bash|sh|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    joined = text.replace("\\\n", " ")
    lines += re.findall(r"^    (?=\S)(.+)$", joined, re.MULTILINE)
    ours = []
    for line in lines:
        match = re.match(
            r"\s*(?:\$ )?((?:make|rollcall|python -m (?:rollcall|benchmarks)) .+)", line
        )
        if match:
            ours.append(shlex.split(match[1], comments=True))
    return ours


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TOP)))
def test_commands_are_ones_that_exist(page):
    """Every `make` target and setting is in the Makefile; every option is known."""
    from benchmarks.__main__ import build_parser as benchmarks_parser
    from rollcall.__main__ import build_parser

    makefile = (TOP / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    settings = set(re.findall(r"call given,([A-Z]+),", makefile))
    settings |= {"ARGS", "PYTHON", "PART", "NAME"}
    for words in commands(page):
        if words[0] == "make":
            names = [word.partition("=")[0] for word in words[1:] if "=" in word]
            assert set(names) <= settings, words
            assert {word for word in words[1:] if "=" not in word} <= targets, words
        elif words[:3] == ["python", "-m", "benchmarks"]:
            benchmarks_parser().parse_args(words[3:])
        else:
            arguments = words[1:] if words[0] == "rollcall" else words[3:]
            if "…" not in arguments:
                build_parser().parse_args(arguments)


def test_the_reference_is_what_the_code_says():
    from docs.reference import PAGE, write_reference

    assert PAGE.read_text() == write_reference(), "stale: run `make reference`"
