"""Executed notebooks -> one HTML page that asks nothing of the network: words, figures and tables, no code."""

from __future__ import annotations

import html
import re
from pathlib import Path

from lib.files import written

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #ffffff; --quiet: #595959; --line: #c8c8c8; --link: #0059a3; --box: #f3f3f3 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #181818; --quiet: #b5b5b5; --line: #4a4a4a; --link: #8ec5ff; --box: #242424 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem; font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.9rem; line-height: 1.2 } h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.2rem } h3 { margin-top: 2rem }
a { color: var(--link) } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.summary { background: var(--box); border-left: 4px solid var(--link); padding: .8rem 1.2rem; font-size: 1.1rem }
nav ul { padding-left: 1.2rem }
figure { margin: 1.5rem 0 } figure img { max-width: 100%; height: auto; background: #fff } figcaption, caption { color: var(--quiet); font-size: .9rem; text-align: left }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .88rem; margin: 1rem 0; font-variant-numeric: tabular-nums }
caption { padding-bottom: .4rem } th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }
th { font-weight: 600 } td:first-child, th:first-child, td:nth-child(2), th:nth-child(2), .facts th, .facts td { text-align: left }
pre { white-space: pre-wrap } .facts { overflow-wrap: anywhere }
@media print { body { max-width: none; font-size: 10pt } nav { display: none } figure, tr { break-inside: avoid } }
"""


def write(title: str, summary: list[str], notebooks: list[Path], output: Path, facts: dict[str, str]) -> None:
    """One self-contained page: title, summary sentences, the facts of the run, then each executed notebook as a section."""
    sections, links = [], []
    for path in notebooks:
        heading, body = _section(path)
        links.append(f'<li><a href="#{path.stem}">{html.escape(heading)}</a></li>')
        sections.append(f'<section id="{path.stem}">\n{body}\n</section>')
    rows = "".join(f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td></tr>' for name, value in facts.items())
    page = f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>
<style>{STYLE}</style></head>
<body>
<header><h1>{html.escape(title)}</h1></header>
<main>
<section class="summary" aria-label="In three sentences">{"".join(f"<p>{html.escape(sentence)}</p>" for sentence in summary)}</section>
<nav aria-label="Contents"><ul>{"".join(links)}<li><a href="#facts">About this run</a></li></ul></nav>
{"".join(sections)}
<section id="facts"><h2>About this run</h2><div class="scroll"><table class="facts"><tbody>{rows}</tbody></table></div></section>
</main>
</body></html>
"""
    with written(output) as file:
        file.write(page.encode())


def _section(path: Path) -> tuple[str, str]:
    """(first heading, HTML) of an executed notebook: its words and outputs, headings one level down."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if not set(cell.metadata.get("tags", [])) & {"parameters", "injected-parameters"}]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [entry for entry in cell.outputs if entry.get("name") != "stderr"]
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True, exclude_anchor_links=True)
    body, _ = exporter.from_notebook_node(notebook)
    body = re.sub(r"<script\b.*?</script>|<style\b.*?</style>|<link\b[^>]*>", "", body, flags=re.DOTALL | re.IGNORECASE)
    body = re.sub(r"(</?h)([1-5])(?=[\s>])", lambda found: f"{found[1]}{int(found[2]) + 1}", body)
    body = re.sub(r'(<h[1-6])[^>]*>', r"\1>", body)
    body = re.sub(r"<table\b", '<div class="scroll" tabindex="0"><table', body).replace("</table>", "</table></div>")
    first = next((cell.source.splitlines()[0].lstrip("# ") for cell in notebook.cells if cell.source.startswith("# ")), path.stem)
    return first, body
