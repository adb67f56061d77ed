"""The page is complete in itself, inert, in order, and readable in the dark and on paper."""

import json
from itertools import pairwise

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rollcall.report.page import read_frame
from tests.report.documents import write_page

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
FIGURE = (
    f'<figure><img src="data:image/png;base64,{PIXEL}" alt="Line plot: AUC 0.72">'
    "<figcaption>Risk &amp; floor</figcaption></figure>"
)
TABLE = (
    '<table class="dataframe"><caption>Groups</caption>'
    '<thead><tr><th scope="col">group</th></tr></thead><tbody><tr><td>A</td></tr></tbody></table>'
)
HOSTILE = (
    "<script>alert(1)</script>"
    '<img src="https://example.org/a.png" alt="elsewhere"><img src="//example.org/b.png">'
    '<iframe src="https://x.org"></iframe>'
    '<svg><image href="https://x.org/d.png"></image><use xlink:href="https://x.org/e.svg#a"></use>'
    "</svg>"
    '<a href="javascript:go()">no link</a>'
    "<p style=\"background:image-set('https://x.org/f.png' 1x)\">plain</p>"
    '<p onclick="go()">kept text</p>'
    '<style>@import "https://x.org/a.css"</style><link rel="stylesheet" href="https://x.org/b.css">'
)


def book(path, *cells):
    nbformat.write(new_notebook(cells=list(cells)), path)
    return path


def shown(text):
    return new_output("display_data", data={"text/html": text, "text/plain": "<HTML object>"})


@pytest.fixture
def page(tmp_path):
    first = book(
        tmp_path / "1_train.ipynb",
        new_markdown_cell(
            "# Who is *in* the set?\n\nSee [below](#Deep) and [a paper](https://example.org/paper)."
        ),
        new_code_cell("secret_parameter = 1", metadata={"tags": ["parameters"]}),
        new_code_cell("secret_injected = 2", metadata={"tags": ["injected-parameters"]}),
        new_code_cell(
            "secret_code()",
            outputs=[
                new_output("stream", name="stderr", text="progress 50%"),
                shown(FIGURE),
                shown(TABLE),
            ],
        ),
        new_markdown_cell("#### Deep\n\n![far](https://example.org/c.png)"),
        new_markdown_cell("## Back\n\n## Back"),
        new_markdown_cell("secret housekeeping", metadata={"tags": ["not-in-report"]}),
        new_code_cell(
            "print('said')",
            outputs=[new_output("stream", name="stdout", text="said aloud"), shown(HOSTILE)],
        ),
    )
    second = book(
        tmp_path / "2_attack.ipynb",
        new_markdown_cell("## Starts lower"),
        new_markdown_cell("### Deep"),
    )
    third = book(tmp_path / "3_bare.ipynb", new_code_cell("1", outputs=[shown(TABLE)]))
    write_page(
        tmp_path / "report.html",
        title="Audit of <A & B>",
        summary=["One <b>.", "Two.", "Three."],
        notebooks=[first, second, third],
        facts={"cohort": "A & <B>", "targets": 64},
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1_train.ipynb",
        "2_attack.ipynb",
        "3_bare.ipynb",
        "report.html",
        "report.json",
    ]
    return BeautifulSoup((tmp_path / "report.html").read_text(encoding="utf-8"), "html.parser")


def test_frame_of_the_page(page):
    assert page.html["lang"] == "en"
    assert [heading.get_text() for heading in page.find_all("h1")] == ["Audit of <A & B>"]
    assert page.title.get_text() == "Audit of <A & B>"
    assert [item.get_text() for item in page.select("#summary li")] == [
        "One <b>.",
        "Two.",
        "Three.",
    ]
    rows = [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in page.select("#facts .facts tbody tr")
    ]
    assert rows[:2] == [["cohort", "A & <B>"], ["targets", "64"]]
    assert rows[-1] == ["a.parquet", "c" * 64]
    assert all(head.get("scope") for head in page.find_all("th"))


def test_headings_and_links(page):
    headings = page.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])
    levels = [int(heading.name[1]) for heading in headings]
    assert levels[0] == 1
    assert all(later <= before + 1 for before, later in pairwise(levels))
    shown = [(heading.name, heading.get_text()) for heading in headings]
    results = [
        ("h2", "2 Findings in full"),
        ("h2", "3 Who is in the set?"),
        ("h3", "Deep"),
        ("h3", "Back"),
        ("h3", "Back"),
        ("h2", "4 Starts lower"),
        ("h3", "Deep"),
        ("h2", "5 3_bare"),
        ("h2", "6 Methods, in words"),
    ]
    at = shown.index(results[0])
    assert shown[at : at + len(results)] == results
    contents = [link.get_text() for link in page.select("nav a")]
    assert contents == [
        "1 What a regulator asks, and where it stands",
        "2 Findings in full",
        "3 Who is in the set?",
        "4 Starts lower",
        "5 3_bare",
        "6 Methods, in words",
        "7 Limits",
        "8 What may leave, and what must stay",
        "9 Glossary",
        "10 Sources",
        "11 How this report was made, and how to make it again",
    ]
    assert contents == [section.h2.get_text() for section in page.select("main > section")]
    marks = [tag["id"] for tag in page.find_all(id=True)]
    assert len(marks) == len(set(marks))
    assert {
        link["href"][1:] for link in page.find_all("a", href=True) if link["href"].startswith("#")
    } <= set(marks)
    assert "¶" not in page.get_text()


def test_sheets_are_named_by_their_sections(page):
    style = page.style.get_text()
    assert '@page s1 { @top-right { content: "1 What a regulator asks, and where it' in style
    assert "#fields, nav { page: s1 }" in style
    assert "#methods, #limits { page: s6 }" in style
    assert "#leaving, #glossary, #sources { page: s7 }" in style
    assert "#facts { page: s8 }" in style


def test_figures_and_tables_survive(page):
    (image,) = page.find_all("img")
    assert image["alt"] == "Line plot: AUC 0.72"
    assert image["src"].endswith(PIXEL)
    assert image.find_parent("figure").figcaption.get_text() == "Figure 1. Risk & floor"
    table = page.select_one("table.dataframe")
    assert table.caption.get_text() == "Table 2. Groups"
    assert table.parent["class"] == ["scroll"]
    assert table.parent["tabindex"] == "0"


def test_code_and_progress_are_not_shown(page):
    text = page.get_text()
    assert "said aloud" in text
    assert "kept text" in text
    assert "secret" not in str(page)
    assert "progress" not in text
    assert "In [" not in text


def test_nothing_runs_and_nothing_is_loaded(page):
    assert not page.find_all(["script", "iframe", "link", "object", "embed"])
    assert all(tag["src"].startswith("data:") for tag in page.find_all(src=True))
    assert [tag.name for tag in page.find_all(href=True) if "//" in tag["href"]] == ["a"]
    assert "x.org" not in str(page)
    assert "javascript:" not in str(page)
    assert not page.find_all(onclick=True)
    assert not any(
        "@import" in style.get_text() or "url(" in style.get_text()
        for style in page.find_all("style")
    )
    assert page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"].startswith(
        "default-src 'none'"
    )


def colours(block):
    return dict(
        item.split(": ")
        for item in (part.strip() for part in block.split("{")[1].split("}")[0].split(";"))
        if item.startswith("--")
    )


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


STYLE = "".join(read_frame(f"style/{name}.css") for name in ("screen", "tables", "print"))


def test_contrast():
    schemes = [colours(part) for part in STYLE.split(":root")[1:]]
    assert len(schemes) == 3
    for scheme in schemes:
        for text in "--ink", "--soft", "--link":
            for ground in "--paper", "--band":
                low, high = sorted((luminance(scheme[text]), luminance(scheme[ground])))
                assert (high + 0.05) / (low + 0.05) >= 4.5
        low, high = sorted((luminance(scheme["--alarm"]), luminance(scheme["--warm"])))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_twin_has_what_the_page_shows(page, tmp_path):
    twin = json.loads((tmp_path / "report.json").read_text())
    assert twin["title"] == "Audit of <A & B>"
    assert twin["summary"] == ["One <b>.", "Two.", "Three."]
    headings = [part["heading"] for part in twin["parts"]]
    assert headings == ["Who is in the set?", "Starts lower", "3_bare"]
    first = twin["parts"][0]
    assert first["tables"] == [{"caption": "Groups", "columns": ["group"], "rows": [["A"]]}]
    assert first["figures"] == [{"alt": "Line plot: AUC 0.72", "caption": "Risk & floor"}]
    assert "secret" not in json.dumps(twin)


def test_no_name_turns_a_number_around(tmp_path):
    write_page(tmp_path / "report.html", summary=["Group '\u202eoverride' has 78, and \x07 rings."])
    text = (tmp_path / "report.html").read_text()
    assert "'\\u202eoverride' has 78, and \\u0007 rings" in text.replace("&#x27;", "'")
    assert not {"\u202e", "\x07"} & set(text)
