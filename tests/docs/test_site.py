"""The site: every page has its place, links become labels, MyST builds it and no link is broken."""

import json
import re
import shutil
from collections import Counter
from importlib.util import find_spec

import pytest

from docs.site.__main__ import OURS, build, check, collect_books
from docs.site.books import Shown, fold_code, prepare
from docs.site.checking import find_broken
from docs.site.pages import embed, write_pages
from docs.site.rendering import make_path
from docs.site.staging import HERE, TOP, anchor, copy_beside, list_pages, rewrite
from docs.site.tree import Page, write
from rollcall.util.errors import InputError

FIGURE = '<figure><img src="data:," alt="Two & a half"><figcaption>A dot</figcaption></figure>'
can_build = pytest.mark.skipif(
    find_spec("jupyter_book") is None or shutil.which("node") is None,
    reason="Jupyter Book (pip install 'jupyter-book>=2.1') or Node.js is not there",
)


def make_book(*cells):
    """A notebook of (kind, source, html of its output or "")."""
    made = []
    for kind, source, html in cells:
        cell = {"cell_type": kind, "metadata": {}, "source": source}
        if kind == "code":
            data = {"text/html": html, "text/plain": "it"}
            output = {"output_type": "execute_result", "data": data, "metadata": {}}
            cell |= {
                "execution_count": 1,
                "outputs": [output | {"execution_count": 1}] if html else [],
            }
        made.append(cell)
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_every_page_of_docs_has_one_place_in_the_contents_and_in_the_index():
    pages = Counter(list_pages())
    assert {page: n for page, n in pages.items() if n > 1} == {}
    ours = {f"docs/{path.name}" for path in (TOP / "docs").glob("*.md")}
    assert ours - set(pages) == set()
    missing = [
        page for page in pages if not page.startswith("site/") and not (TOP / page).is_file()
    ]
    assert missing == []
    index = (TOP / "docs" / "README.md").read_text()
    named = Counter(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert named == Counter({path.removeprefix("docs/"): 1 for path in ours - {"docs/README.md"}})


def test_every_notebook_has_a_place_in_the_contents():
    ours = {f"notebooks/{path.name}" for path in (TOP / "notebooks").glob("*.ipynb")}
    assert ours - set(list_pages()) == {"notebooks/start.ipynb"}  # JupyterLab's own first page


def test_links_become_what_myst_checks():
    beside, outside = set(), set()
    text = (
        "[a](own-data.md#the-key_word) [b](../notebooks/lessons) [c](#here) ![d](../x/y.png) "
        "[e](https://doi.org/10.1/2) `[f](no.md)`\n\n    [g](no.md)\n"
    )
    made = rewrite(text, "docs/later.md", {"docs/own-data.md", "site/lessons.md"}, beside, outside)
    assert made.split() == [
        "[a](#docs-own-data-md-the-key-word)",
        "[b](/site/lessons.md)",
        "[c](#docs-later-md-here)",
        "![d](/x/y.png)",
        "[e](https://doi.org/10.1/2)",
        "`[f](no.md)`",
        "[g](no.md)",
    ]
    assert (beside, outside) == ({"x/y.png"}, {"https://doi.org/10.1/2"})
    assert anchor("What `nih_cxr14` needs, and why?") == "what-nih_cxr14-needs-and-why"
    assert make_path("/docs/later#costs") == "docs/later.html#costs"
    assert make_path("/") == "index.html"


def test_a_notebooks_figures_are_labelled_and_its_pickers_left_out():
    book = make_book(("markdown", "# Why?", ""), ("code", "a = 1", ""), ("code", "show()", FIGURE))
    widget = {"output_type": "display_data", "metadata": {}}
    widget["data"] = {"application/vnd.jupyter.widget-view+json": {}}
    book["cells"][2]["outputs"].insert(0, widget)
    made, figures = prepare(book, "notebooks/2_attack.ipynb")
    assert [each.label for each in figures] == ["2-attack-1"]
    assert made["cells"][2]["metadata"]["label"] == "2-attack-1"
    assert len(made["cells"][2]["outputs"]) == 1
    fold_code(made)
    assert [cell["source"] for cell in made["cells"]] == ["# Why?", "a = 1\n\nshow()"]
    assert (
        "not run"
        in prepare(make_book(("markdown", "# Why?", "")), "a.ipynb")[0]["cells"][0]["source"]
    )


def test_a_kind_of_node_that_nobody_knows_is_no_silent_gap():
    page = Page(str, str, str)
    text = {"type": "text", "value": "a < b"}
    assert write({"type": "paragraph", "children": [text]}, page) == "<p>a &lt; b</p>"
    with pytest.raises(RuntimeError, match="'mermaid'"):
        write({"type": "mermaid", "value": "graph"}, page)


def test_what_is_missing_is_said_first(tmp_path):
    with pytest.raises(InputError, match="no finished demo"):
        collect_books(tmp_path, tmp_path, tmp_path)
    (tmp_path / "letters").write_text("mine")
    with pytest.raises(InputError, match=r"something else|Jupyter Book"):
        check(OURS, tmp_path)
    assert (tmp_path / "letters").exists()


def test_links_within_the_written_site_are_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.html").write_text('<a href="../c.html#one">c</a><a id="x" href="#x">x</a>')
    (tmp_path / "c.html").write_text('<h2 id="one">1</h2><a href="https://example.org/no">o</a>')
    assert find_broken(tmp_path) == []
    (tmp_path / "c.html").write_text('<a href="a/b.html#y">y</a><img src="d.png"><a href="/c">')
    assert find_broken(tmp_path) == [
        "a/b.html: ../c.html#one",
        "c.html: a/b.html#y",
        "c.html: d.png",
        "c.html: /c",
    ]
    with pytest.raises(InputError, match=r"no/such\.png"):
        copy_beside({"no/such.png", "README.md"}, tmp_path / "stage")


def test_a_page_shows_a_figure_where_its_comment_stands():
    text = "a\n\n<!-- figure: 2-attack-roc -->\n\nb"
    shown = {"notebooks/2_attack.ipynb": [Shown("2-attack-roc", "ROC")]}
    assert embed(text, "a.md", shown) == "a\n\n![](#2-attack-roc)\n\nb"
    assert embed(text, "a.md", {}) == "a\n\n\n\nb"
    with pytest.raises(InputError, match=r"a\.md asks for a figure 2-attack-rok"):
        embed(text.replace("roc", "rok"), "a.md", shown)


@can_build
def test_the_whole_site_is_built_and_every_link_in_it_leads_somewhere(tmp_path):
    """All pages; of the notebooks the sources, one of them with a figure as if it had been run."""
    books = {
        str(path.relative_to(TOP)): json.loads(path.read_text())
        for path in (TOP / "notebooks").glob("**/*.ipynb")
        if path.parent.name in ("notebooks", "lessons") and path.stem != "start"
    }
    for cell in books["notebooks/2_attack.ipynb"]["cells"]:
        if cell["cell_type"] == "code" and ".show(" in "".join(cell["source"]):
            cell["outputs"] = make_book(("code", "f()", FIGURE))["cells"][0]["outputs"]
    outside = write_pages(tmp_path / "stage", books)
    assert "https://doi.org/10.1038/s41586-026-10688-0" in outside
    build(tmp_path / "stage", OURS, tmp_path / "site")
    made = list((tmp_path / "site").glob("**/*.html"))
    assert len(made) == len(set(list_pages()) | set(books))
    assert find_broken(tmp_path / "site") == []
    assert FIGURE in (tmp_path / "site" / "site" / "figures.html").read_text()
    assert FIGURE in (tmp_path / "site" / "notebooks" / "attack.html").read_text()
    assert FIGURE in (tmp_path / "site" / "docs" / "reading-the-report.html").read_text()
    assert not list((tmp_path / "site" / "files").glob("*.html"))  # shown, not copied


@can_build
@pytest.mark.parametrize("text", ["[lost](#nowhere)", "![](#nowhere)"])
def test_a_link_that_leads_nowhere_stops_the_build(text, tmp_path):
    stage = tmp_path / "stage"
    stage.mkdir()
    (stage / "a.md").write_text(f"# A\n\n{text}\n")
    rules = (
        (HERE / "myst.yml").read_text().partition("  toc:")[0].replace("[site/sources.bib]", "[]")
    )
    (stage / "myst.yml").write_text(
        f"{rules}  toc:\n    - file: a.md\nsite:\n  template: ./theme\n"
    )
    with pytest.raises(RuntimeError, match="nowhere"):
        build(stage, OURS, tmp_path / "site")
    assert not (tmp_path / "site").exists()
