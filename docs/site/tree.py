"""MyST's tree of a page as HTML: the kinds of nodes that our pages and notebooks have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

PLAIN = {
    "paragraph": "p",
    "strong": "strong",
    "emphasis": "em",
    "delete": "del",
    "subscript": "sub",
    "superscript": "sup",
    "blockquote": "blockquote",
    "listItem": "li",
}
THROUGH = {"root", "block", "outputs", "mystDirective", "mystRole", "captionNumber"}
DROPPED = {"comment", "mystTarget"}


@dataclass
class Page:
    """Where a page's addresses lead, and the sections met while it was written."""

    to_page: Callable[[str], str]
    to_file: Callable[[str], str]
    read: Callable[[str], str]
    sections: list[tuple[str, str]] = field(default_factory=list)


def write_children(node: dict, page: Page) -> str:
    """Return the HTML of what is inside a node."""
    return "".join(write(child, page) for child in node.get("children") or [])


def write(node: dict, page: Page) -> str:
    """Return the HTML of a node. RuntimeError for a kind that is not known."""
    kind = node["type"]
    if node.get("visibility") == "remove" or kind in DROPPED:
        return ""
    if kind in PLAIN:
        return f"<{PLAIN[kind]}>{write_children(node, page)}</{PLAIN[kind]}>"
    if kind in THROUGH:
        return write_children(node, page)
    if kind not in WRITERS:
        raise RuntimeError(f"the theme cannot show MyST's {kind!r}: {str(node)[:200]}")
    return WRITERS[kind](node, page)


def _text(node: dict, page: Page) -> str:
    return escape(node["value"], quote=False)


def _code_word(node: dict, page: Page) -> str:
    return f"<code>{escape(node['value'])}</code>"


def _code(node: dict, page: Page) -> str:
    code = f'<pre tabindex="0"><code>{escape(node["value"])}</code></pre>'
    if node.get("visibility") == "hide":
        return f"<details><summary>Code</summary>{code}</details>"
    return f'<div class="cell">{code}</div>' if node.get("executable") else code


def _heading(node: dict, page: Page) -> str:
    level, name = node["depth"], node.get("html_id", "")
    inside = write_children(node, page)
    if level == 2 and name:
        page.sections.append((name, inside))
    return f'<h{level} id="{escape(name)}">{inside}</h{level}>'


def _list(node: dict, page: Page) -> str:
    tag = "ol" if node.get("ordered") else "ul"
    start = f' start="{node["start"]}"' if node.get("start") not in (None, 1) else ""
    return f"<{tag}{start}>{write_children(node, page)}</{tag}>"


def _table(node: dict, page: Page) -> str:
    rows = node["children"]
    heads = [row for row in rows if all(cell.get("header") for cell in row["children"])]
    body = [row for row in rows if row not in heads]
    written = "".join(f"<tr>{write_children(row, page)}</tr>" for row in body)
    top = "".join(f"<tr>{write_children(row, page)}</tr>" for row in heads)
    table = f"<table><thead>{top}</thead><tbody>{written}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="group" aria-label="Table">{table}</div>'


def _cell(node: dict, page: Page) -> str:
    inside = write_children(node, page)
    is_head = node.get("header") and inside.strip()
    return f'<th scope="col">{inside}</th>' if is_head else f"<td>{inside}</td>"


def _link(node: dict, page: Page) -> str:
    url = node["url"]
    if node.get("internal"):
        url = page.to_page(url)
    elif node.get("static"):
        url = page.to_file(url)
    return f'<a href="{escape(url)}">{write_children(node, page)}</a>'


def _cite(node: dict, page: Page) -> str:
    return _link(node, page).replace(" &amp; others", " et al.")


def _cross_reference(node: dict, page: Page) -> str:
    mark = f"#{node['html_id']}" if node.get("html_id") else ""
    url = page.to_page(node["url"] + mark) if node.get("url") else mark
    return f'<a href="{escape(url)}">{write_children(node, page)}</a>'


def _image(node: dict, page: Page) -> str:
    if node["url"].startswith("#"):
        raise RuntimeError(f"no figure has the label {node['url']}")
    return f'<img src="{escape(page.to_file(node["url"]))}" alt="{escape(node.get("alt") or "")}">'


def _embed(node: dict, page: Page) -> str:
    if not node.get("children"):
        raise RuntimeError(f"nothing is embedded: {str(node)[:200]}")
    source = node["source"]
    link = f'<a href="{escape(page.to_page(source["url"]))}">{escape(source["title"])}</a>'
    return f'<div class="embed">{write_children(node, page)}<p>From: {link}</p></div>'


def _output(node: dict, page: Page) -> str:
    data = node["jupyter_data"]
    if data["output_type"] == "error":
        raise RuntimeError(f"a notebook of the site ended in an error: {data.get('evalue')}")
    if data["output_type"] == "stream":
        text = data["text"] if "text" in data else page.read(data["path"])
        return f'<pre class="output" tabindex="0">{escape(text)}</pre>'
    kinds = data["data"]
    if "text/html" in kinds:
        return f'<div class="output wide" tabindex="0">{_read(kinds["text/html"], page)}</div>'
    return f'<pre class="output" tabindex="0">{escape(_read(kinds["text/plain"], page))}</pre>'


def _read(part: dict, page: Page) -> str:
    return part["content"] if "content" in part else page.read(part["path"])


WRITERS: dict[str, Callable[[dict, Page], str]] = {
    "text": _text,
    "inlineCode": _code_word,
    "code": _code,
    "heading": _heading,
    "list": _list,
    "table": _table,
    "tableCell": _cell,
    "link": _link,
    "cite": _cite,
    "crossReference": _cross_reference,
    "image": _image,
    "embed": _embed,
    "output": _output,
    "thematicBreak": lambda node, page: "<hr>",
    "break": lambda node, page: "<br>",
    "html": lambda node, page: node["value"],
}
