"""Write static pages from the content that MyST has built: what theme/template.yml runs.

MyST serves the content at $CONTENT_CDN and wants the pages in $BUILD_DIRECTORY. They need no server
and ask nothing of the network: every address in them is relative.
"""

from __future__ import annotations

import json
import os
import posixpath
import string
import sys
import urllib.request
from html import escape
from pathlib import Path

from docs.site.tree import Page, write_children

HERE = Path(__file__).parent / "theme"
LOOKS = ("site.css", "search.js")


def fetch(address: str) -> bytes:
    """Return what MyST's own server on this machine gives."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(address, timeout=30) as answer:
        return answer.read()


def make_path(url: str) -> str:
    """/docs/later#costs -> docs/later.html#costs"""
    place, mark, name = url.strip("/").partition("#")
    return f"{place or 'index'}.html{mark}{name}"


def write_menu(pages: list[dict], slug: str, relate) -> str:
    """Return the table of contents; the part that the page is in stands open."""
    parts: list[list] = [["", []]]
    for page in pages:
        if page.get("slug"):
            parts[-1][1].append(page)
        else:
            parts.append([page["title"], []])
    lines = []
    for title, inside in parts:
        items = []
        for page in inside:
            here = ' aria-current="page"' if page["slug"] == slug else ""
            address = escape(relate(page["address"]))
            items.append(f'<li><a href="{address}"{here}>{escape(page["title"])}</a></li>')
        shut = f"<ul>{''.join(items)}</ul>"
        if title:
            is_open = " open" if any(page["slug"] == slug for page in inside) else ""
            shut = f"<details{is_open}><summary>{escape(title)}</summary>{shut}</details>"
        lines.append(shut)
    return "\n".join(lines)


def write_ways(pages: list[dict], slug: str, relate) -> str:
    """Return links to the pages before and after."""
    order = [page for page in pages if page.get("slug")]
    place = next(number for number, page in enumerate(order) if page["slug"] == slug)
    ways = []
    for word, step in (("Before", -1), ("Next", 1)):
        if 0 <= place + step < len(order):
            page = order[place + step]
            address, title = escape(relate(page["address"])), escape(page["title"])
            ways.append(f'<a class="{word.lower()}" href="{address}">{word}: {title}</a>')
    return " ".join(ways)


def write_sections(page: Page) -> str:
    """Return what is on this page, where it has more than two parts."""
    if len(page.sections) < 3:
        return ""
    items = "".join(
        f'<li><a href="#{escape(name)}">{html}</a></li>' for name, html in page.sections
    )
    return f'<nav class="here" aria-label="On this page"><p>On this page</p><ul>{items}</ul></nav>'


def render(content: str, folder: Path) -> None:
    """Write every page of the site whose content is served at `content` into `folder`."""
    config = json.loads(fetch(f"{content}/config.json"))
    (project,) = config["projects"]
    pages = [{"slug": project["index"], "title": "Documentation", "address": "index.html"}]
    for entry in project["pages"]:
        if entry.get("slug"):
            entry = entry | {"address": make_path(entry["slug"].replace(".", "/"))}
        pages.append(entry)
    frame = string.Template((HERE / "page.html").read_text(encoding="utf-8"))
    static: dict[str, str] = {}

    def keep(url: str) -> str:
        static[url] = f"files/{url.strip('/')}"
        return static[url]

    for entry in pages:
        if not entry.get("slug"):
            continue
        data = json.loads(fetch(f"{content}/content/{entry['slug']}.json"))
        address = entry["address"]

        def relate(path: str, start: str = posixpath.dirname(address)) -> str:
            place, mark, name = path.partition("#")
            return posixpath.relpath(place, start or ".") + mark + name

        page = Page(
            to_page=lambda url: relate(make_path(url)),
            to_file=lambda url: relate(keep(url)),
            read=lambda url: fetch(content + url).decode(),
        )
        title = data["frontmatter"].get("title") or entry["title"]
        body = write_children(data["mdast"], page)
        text = frame.substitute(
            title=escape(title),
            site=escape(project["title"]),
            about=escape(project.get("description", "")),
            root=relate("index.html").removesuffix("index.html"),
            menu=write_menu(pages, entry["slug"], relate),
            sections=write_sections(page),
            body=body,
            ways=write_ways(pages, entry["slug"], relate),
            source=escape(data["location"].strip("/")),
        )
        (folder / address).parent.mkdir(parents=True, exist_ok=True)
        (folder / address).write_text(text, encoding="utf-8")
    for url, path in static.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(fetch(content + url))
    for name in LOOKS:
        (folder / name).write_bytes((HERE / name).read_bytes())
    (folder / "search-index.js").write_text(make_index(content), encoding="utf-8")


def make_index(content: str) -> str:
    """Return the texts that the search looks through, as a script: a file can load it."""
    records = json.loads(fetch(f"{content}/myst.search.json"))["records"]
    kept = [
        [
            make_path(record["url"]),
            " › ".join(text for _, text in sorted(record["hierarchy"].items())),
            record.get("content", ""),
        ]
        for record in records
    ]
    return f"window.SITE_TEXTS = {json.dumps(kept, ensure_ascii=False)};\n"


if __name__ == "__main__":
    try:
        render(os.environ["CONTENT_CDN"], Path(os.environ["BUILD_DIRECTORY"]))
    except RuntimeError as error:
        sys.exit(str(error))
