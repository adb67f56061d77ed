"""Lay out what the site is made of: a copy of the pages whose links MyST can check.

In the repository a link names a file and a heading as GitHub does. MyST knows headings by labels,
so each heading that is linked to gets one, and each link its label: one that leads nowhere then
fails the build.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

from rollcall.util.errors import InputError

TOP = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LINK = re.compile(r"(!?\[(?:[^\]]|\](?=\())*?\])\(([^)\s]+)\)|<(https?://[^>\s]+)>")
FENCE = re.compile(r"^```.*?^```|^(?: {4}[^\n]*\n)+|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(\S+)")
FOLDERS = {"notebooks/lessons": "site/lessons.md"}  # of a link to a folder: the page instead


def list_pages(pattern: str = r"- file: (\S+)") -> list[str]:
    """Return the pages of the table of contents, as paths from the top."""
    return re.findall(pattern, (HERE / "myst.yml").read_text(encoding="utf-8"))


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip()
    return plain.lower().replace(" ", "-")


def label(page: str, name: str) -> str:
    """Return the label of a heading on the site: lower case, with hyphens alone."""
    return re.sub(r"[^a-z0-9]+", "-", f"{page}-{name}".lower()).strip("-")


def split_code(text: str) -> list[tuple[str, bool]]:
    """Cut a page into pieces: (text, whether it is code)."""
    pieces, end = [], 0
    for match in FENCE.finditer(text):
        pieces += [(text[end : match.start()], False), (match[0], True)]
        end = match.end()
    return [*pieces, (text[end:], False)]


def rewrite(text: str, page: str, pages: set[str], beside: set[str], outside: set[str]) -> str:
    """Return a page's text with its links as MyST reads them.

    page: its path from the top; pages: all of them. Adds to `beside` the files that are linked to
    and are no pages, to `outside` the addresses on the network.
    """

    def turn(match: re.Match) -> str:
        if match[3] or re.match(r"[a-z]+:", match[2]):
            outside.add(match[3] or match[2])
            return match[0]
        name, _, heading = match[2].partition("#")
        target = resolve(page, name) if name else page
        target = FOLDERS.get(target, target)
        if heading and target.endswith(".md"):
            return f"{match[1]}(#{label(target, heading)})"
        if target not in pages:
            beside.add(target)
        return f"{match[1]}(/{target})" if name else match[0]

    return "".join(
        piece if is_code else LINK.sub(turn, piece) for piece, is_code in split_code(text)
    )


def resolve(page: str, name: str) -> str:
    """Return where a link of a page leads, from the top."""
    parts: list[str] = []
    for part in (PurePosixPath(page).parent / name).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def label_headings(text: str, page: str) -> str:
    """Return a page with a label above each of its headings, first of its name alone."""
    seen: set[str] = set()

    def put(match: re.Match) -> str:
        name = label(page, anchor(match[2]))
        if len(match[1]) == 1 or name in seen:
            return match[0]
        seen.add(name)
        return f"({name})=\n{match[0]}"

    return "".join(
        piece if is_code else HEADING.sub(put, piece) for piece, is_code in split_code(text)
    )


def write_sources(outside: set[str]) -> str:
    """Return the papers that pages link to by DOI as a bibliography: nothing is then fetched."""
    known = (HERE / "sources.bib").read_text(encoding="utf-8")
    entries = [known]
    matches = [DOI.match(address) for address in sorted(outside)]
    for number, doi in enumerate(match[1] for match in matches if match):
        if f"{{{doi}}}" in known:
            continue
        entries.append(f"@misc{{paper{number},\n  title = {{{doi}}},\n  doi = {{{doi}}}\n}}\n")
    return "\n".join(entries)


def copy_beside(names: set[str], stage: Path) -> None:
    """Copy what pages link to or show and what is no page itself; InputError if it is not there."""
    missing = [name for name in sorted(names) if not (TOP / name).is_file()]
    if missing:
        raise InputError(f"pages link to what is no file here: {', '.join(missing)}")
    for name in names:
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / name, stage / name)
