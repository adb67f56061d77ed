"""The report: one HTML page made of executed notebooks, without their code, that asks nothing of the network."""

from __future__ import annotations

import html
from pathlib import Path

from rollcall.util.files import atomic_write

ACTIVE = ["script", "iframe", "object", "embed", "link", "meta", "base", "form"]

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div class="sheet">
{notice}<div class="rest">
<header><h1>{title}</h1></header>
<nav aria-label="Contents"><ul>
{links}
</ul></nav>
<main>
<section id="summary"><h2>In three sentences</h2>
{summary}
</section>
{sections}
<section id="facts"><h2>About this run</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Facts of this run"><table class="facts"><caption>Facts of this run</caption><tbody>
{facts}
</tbody></table></div>
</section>
</main>
</div>
</div>
</body>
</html>
"""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #555; --line: #c8c8c8; --band: #f4f4f4; --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --paper: #16181b; --soft: #b4b4b4; --line: #4a4d52; --band: #22252a; --link: #8ab8f0; }
}
body { margin: 0 auto; padding: 1.5rem; max-width: 46rem; font: 1rem/1.55 system-ui, Arial, Helvetica, sans-serif; }
body { color: var(--ink); background: var(--paper); }
h1, h2, h3, h4 { line-height: 1.25; margin: 2rem 0 .6rem; }
h1 { font-size: 1.9rem; margin-top: 0; }
section + section { border-top: 1px solid var(--line); margin-top: 2.5rem; }
a { color: var(--link); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
nav ul { padding-left: 1.2rem; }
#summary ul { padding-left: 1.2rem; font-size: 1.1rem; }
figure { margin: 1.5rem 0; }
figure img, img { max-width: 100%; height: auto; background: #fff; }
figcaption, caption { color: var(--soft); font-size: .92rem; text-align: left; padding: .4rem 0; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th { font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
.facts th, .facts td { text-align: left; overflow-wrap: anywhere; }
.facts th { white-space: nowrap; }
pre { white-space: pre-wrap; background: var(--band); padding: .6rem; font-size: .85rem; }
.notice { position: sticky; top: 0; margin: 0 0 1.5rem; padding: .5rem .8rem; border: 2px solid #9a3b00;
          background: #fff1e6; color: #5c2300; font-weight: 600; }
@page { margin: 16mm; }
@media print {
  .sheet { display: table; width: 100%; table-layout: fixed; }
  .rest { display: table-row-group; }
  .notice { display: table-header-group; position: static; break-inside: avoid; font-size: 8.5pt; }  /* a table's head stands on every sheet */
  .notice span { display: block; margin-bottom: 4mm; padding: .2rem .6rem; border: 2px solid #9a3b00; }
  :root { --ink: #000; --paper: #fff; --soft: #444; --line: #999; --band: #fff; --link: #000; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  figure, tr { break-inside: avoid; }
  h1, h2, h3, h4, caption { break-after: avoid; }
}
"""


def write(
    title: str,
    summary: list[str],
    notebooks: list[Path],
    output: Path,
    facts: dict[str, str],
    notice: str = "",
) -> None:
    """Write the page: title, summary, then the text, figures and tables of each executed notebook, and the facts of the run.

    notice: a sentence that stays in sight at the top of the page, and stands on every sheet when it is printed.
    """
    parts = [_section(Path(path), f"part{number}") for number, path in enumerate(notebooks, 1)]
    labels = [(f"part{number}", label) for number, (label, _) in enumerate(parts, 1)]
    contents = [("summary", "In three sentences"), *labels, ("facts", "About this run")]
    page = PAGE.format(
        notice=f'<div class="notice" role="note"><span>{html.escape(notice)}</span></div>\n'
        if notice
        else "",
        title=html.escape(title),
        style=STYLE,
        sections="\n".join(body for _, body in parts),
        summary="<ul>\n"
        + "\n".join(f"<li>{html.escape(sentence)}</li>" for sentence in summary)
        + "\n</ul>",
        links="\n".join(
            f'<li><a href="#{mark}">{html.escape(label)}</a></li>' for mark, label in contents
        ),
        facts="\n".join(
            f'<tr><th scope="row">{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>'
            for key, value in facts.items()
        ),
    )
    with atomic_write(Path(output)) as file:
        file.write(page.encode())


def _section(path: Path, mark: str) -> tuple[str, str]:
    """Heading and HTML of one notebook."""
    import nbformat
    from bs4 import BeautifulSoup
    from nbconvert import HTMLExporter

    book = nbformat.read(path, as_version=4)
    book.metadata.pop("widgets", None)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    book.cells = [
        cell
        for cell in book.cells
        if cell.cell_type == "markdown" or (cell.cell_type == "code" and cell.outputs)
    ]
    body, _ = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    ).from_notebook_node(book)
    soup = BeautifulSoup(body, "html.parser")
    _make_inert(soup)
    _order_headings(soup, path.stem)
    marks = set()
    for tag in soup.find_all(id=True):
        tag["id"] = f"{mark}-{tag['id']}"
        if tag["id"] in marks:
            del tag["id"]
        else:
            marks.add(tag["id"])
    for link in soup.find_all("a", href=lambda address: address and address.startswith("#")):
        link["href"] = f"#{mark}-{link['href'][1:]}"
    for table in soup.find_all("table"):
        label = table.caption.get_text(" ", strip=True) if table.caption else "Table"
        table.wrap(
            soup.new_tag(
                "div",
                attrs={"class": "scroll", "tabindex": "0", "role": "region", "aria-label": label},
            )
        )
    return " ".join(
        soup.h2.get_text().split()
    ), f'<section id="{mark}">\n{str(soup).strip()}\n</section>'


def _make_inert(soup) -> None:
    """Take out whatever runs or loads something; a picture from elsewhere leaves its alternative text."""
    for tag in [*soup.find_all(ACTIVE), *soup.find_all("a", class_="anchor-link")]:
        tag.decompose()
    for style in soup.find_all("style"):
        if "url(" in style.get_text() or "@import" in style.get_text():
            style.decompose()
    for tag in soup.find_all(True):
        for name in [
            name
            for name in tag.attrs
            if name.startswith("on")
            or name in ("srcset", "poster", "background")
            or (name == "style" and ("url(" in tag["style"] or "image-set(" in tag["style"]))
            or (name in ("href", "xlink:href") and not _may_point(tag.name, tag[name]))
        ]:
            del tag[name]
        if "src" in tag.attrs and not tag["src"].startswith("data:"):
            tag.replace_with(tag.get("alt", ""))


def _may_point(tag: str, address: str) -> bool:
    """Links may lead anywhere on the web; what a drawing refers to must be in the page."""
    return address.startswith(
        ("#", "https://", "http://", "mailto:") if tag == "a" else ("#", "data:")
    )


def _order_headings(soup, fallback: str) -> None:
    """The first heading becomes h2, the others stay as far below it as they were, and no level is skipped on the way down."""
    headings = soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])
    if not headings:
        heading = soup.new_tag("h2")
        heading.string = fallback
        soup.insert(0, heading)
        return
    shift, last = 2 - int(headings[0].name[1]), 1
    for heading in headings:
        last = min(max(int(heading.name[1]) + shift, 2), last + 1, 6)
        heading.name = f"h{last}"
