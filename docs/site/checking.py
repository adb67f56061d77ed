"""Follow every link of the written site within itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path


class Links(HTMLParser):
    """The addresses in a page and the names of its places."""

    def __init__(self, path: Path):
        super().__init__()
        self.addresses: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        self.addresses += [given[key] for key in ("href", "src") if given.get(key)]
        if given.get("id"):
            self.places.add(given["id"])


def find_broken(folder: Path) -> list[str]:
    """Return each link of the pages in `folder` that leads to no file or no place in a page."""
    folder = folder.resolve()
    pages = {path: Links(path) for path in sorted(folder.glob("**/*.html"))}
    broken = []
    for path, links in pages.items():
        for address in links.addresses:
            if re.match(r"[a-z]+:", address):
                continue
            name, _, place = address.partition("#")
            target = (path.parent / name).resolve() if name else path
            inside = target.is_relative_to(folder) and target.is_file()
            if not inside or (place and target in pages and place not in pages[target].places):
                broken.append(f"{path.relative_to(folder)}: {address}")
    return broken
