"""The report fits a phone, a screen and a sheet, light and dark; nothing of it is lost on paper."""

import base64
import io
import re
import subprocess
from shutil import which

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from rollcall.report.tables.showing import Table, show_table
from tests.report.documents import write_page

WIDTHS = (1280, 820, 390)
TITLE = 'Privacy audit: "hearts" & <minds>'
NOTICE = "Invented data: nobody here is real."
GROUPS = [f"group {letter}{number}" for letter in "abcdefg" for number in range(4)]
INTERVALS = [f"measure {at} of everybody" for at in range(7)]


def draw_picture(width):
    picture = Image.new("RGB", (width, 400), "white")
    data = io.BytesIO()
    picture.save(data, "png")
    source = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
    return (
        f'<figure><img src="{source}" alt="Line plot: 3 of 4" width="{width}">'
        "<figcaption>What is drawn.</figcaption></figure>"
    )


def make_tables():
    rng = np.random.default_rng(0)
    groups = {"attribute": [name[:7] for name in GROUPS], "group": GROUPS}
    groups |= {name: [f"{x:.2f} (0.11 to 9.99)" for x in rng.random(28)] for name in INTERVALS}
    p = rng.random(28) ** 4
    facts = {
        "what": [f"fact number {at} which is told in many words" for at in range(4)],
        "value": ["1,234", "<0.001", "12.3% (10.0 to 15.0)", "–"],
    }
    return [
        Table(
            pd.DataFrame(groups),
            "Groups of the test; 95% intervals of what is made up. –: nothing",
            by="attribute",
            main=INTERVALS[:2],
            p=p,
        ),
        Table(pd.DataFrame({"attack": ["a", "b"], "AUC": [0.51234, 0.9]}), "Attacks of the test"),
        Table(pd.DataFrame(facts), "Facts of the test"),
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    cells = [new_markdown_cell("# Which *tables* are there?\n\nSome words before them.")]
    for number, table in enumerate(make_tables()):
        cells.append(new_markdown_cell(f"## Part {number}\n\nWords before it. " + "More. " * 90))
        shown = new_output("display_data", data={"text/html": show_table(table).data})
        cells.append(new_code_cell("show()", outputs=[shown]))
    figure = new_output("display_data", data={"text/html": draw_picture(900) + draw_picture(300)})
    cells.append(new_code_cell("draw()", outputs=[figure]))
    book = folder / "2_attack.ipynb"
    nbformat.write(new_notebook(cells=cells), book)
    write_page(
        folder / "report.html",
        title=TITLE,
        summary=["One sentence.", "Another one, of 96 patients."],
        notebooks=[book],
        facts={"cohort": "hearts & minds", "fingerprint": "f" * 64},
        notice=NOTICE,
    )
    return folder / "report.html"


@pytest.fixture(params=["of the test", "of an audit"])
def page(request, report):
    """The path of a report: a small one, and that of a whole audit."""
    if request.param == "of the test":
        return report
    return request.getfixturevalue("finished").run / "report.html"


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")


def overflows(page):
    """The regions that are wider inside than outside."""
    return page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(part => part.scrollWidth > "
        "part.clientWidth + 1).map(part => part.getAttribute('aria-label'))"
    )


def test_the_page_fits_and_is_accessible(visit, traffic, page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    shown = visit(page.as_uri())
    assert page.stat().st_size < 10e6
    for width in WIDTHS:
        shown.set_viewport_size({"width": width, "height": 800})
        schemes = {"light": {}} | (
            {"dark": {"runOnly": ["color-contrast"]}} if width > 1000 else {}
        )
        for scheme, rules in schemes.items():
            shown.emulate_media(color_scheme=scheme)
            options = rules | {"resultTypes": ["violations"]}
            findings = axe.run(shown, options=options).response["violations"]
            where = f"{width} px, {scheme}"
            assert not findings, (where, [(each["id"], each["nodes"][0]) for each in findings])
        unfold(shown)  # what is folded is looked at from the second width on
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        assert all("Figure" in label for label in overflows(shown)), "a table is cut"
        assert width < 1280 or not overflows(shown)
    assert traffic.asked == [page.as_uri()]


def test_on_a_phone_a_row_says_what_each_number_is(visit, report):
    shown = visit(report.as_uri(), width=390)
    cell = shown.locator(".broad td").first
    before = cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert before == f'"{INTERVALS[0]}"'
    picture = shown.locator(".wide").first.bounding_box()
    assert picture["width"] <= 390
    assert shown.locator(".wide img").first.bounding_box()["width"] > 700
    assert shown.locator("figure").nth(1).locator("img").bounding_box()["width"] <= 358
    sign = "caption => getComputedStyle(caption, '::after').content"
    signs = [shown.locator("figcaption").nth(at).evaluate(sign) for at in (0, 1)]
    assert "Scroll" in signs[0]
    assert signs[1] == "none"


def test_contents_and_the_way_back_stay_in_sight(visit, report):
    shown = visit(report.as_uri(), width=1280, reduced_motion="reduce")
    shown.evaluate("window.scrollTo({top: 3000, behavior: 'instant'})")
    assert shown.locator("nav a").first.is_visible()
    assert 0 <= shown.locator("nav a").first.bounding_box()["y"] < 800
    way = shown.get_by_role("link", name="Back to top")
    assert 0 < way.bounding_box()["y"] < 800
    way.click()
    assert shown.evaluate("window.scrollY") == 0


def test_the_focus_is_seen_and_details_open_by_keyboard(visit, report):
    shown = visit(report.as_uri(), width=1280)
    summary = shown.locator("summary").first
    summary.focus()
    shown.keyboard.press("Enter")
    assert shown.locator("details").first.get_attribute("open") is not None
    shown.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement).outline"
    assert "3px" in shown.evaluate(style)


def test_a_drawing_does_not_glare_in_the_dark_and_keeps_its_colours(visit, report):
    shown = visit(report.as_uri(), dark=True)
    drawing = Image.open(io.BytesIO(shown.locator("figure img").first.screenshot()))
    white = np.asarray(drawing.convert("RGB"))[100:300, 100:300]
    assert 200 < white.min() <= white.max() < 215


def print_page(shown, path):
    shown.pdf(path=path, format="A4", prefer_css_page_size=True)
    pypdf = pytest.importorskip("pypdf")
    return [" ".join(sheet.extract_text().split()) for sheet in pypdf.PdfReader(path).pages]


def test_paper_loses_nothing(visit, page, tmp_path):
    shown = visit(page.as_uri())
    heads = shown.evaluate(
        "[...document.querySelectorAll('th, summary, figcaption, .note, h2, h3')]"
        ".map(head => head.textContent.replace(/\\s+/g, ' ').trim())"
    )
    hidden = shown.evaluate(
        "[...document.querySelectorAll('details.columns > summary')]"
        ".map(head => head.textContent.replace(/\\s+/g, ' ').trim())"
    )  # whose tables say it
    sheets = print_page(shown, tmp_path / "report.pdf")
    text = " ".join(sheets)
    missing = [head for head in heads if head not in text and head not in hidden]
    assert not missing
    first = shown.evaluate(
        "[...document.querySelectorAll('section > h2, caption')]"
        ".map(head => head.textContent.replace(/\\s+/g, ' ').trim())"
    )
    for number, sheet in enumerate(sheets, 1):
        foot = f"Sheet {number} of {len(sheets)}"
        assert foot in sheet
        ending = re.sub(rf"{foot}|\d+ \w+ 20\d\d(?= *$)", "", sheet.replace(foot, "")).strip()
        left = [head for head in first if ending.endswith(head)]
        assert not left, f"a heading without what it heads on sheet {number}"
        assert shown.title() in sheet.replace("\xa0", " ")
    if which("pdftotext"):
        words = subprocess.run(
            ["pdftotext", "-bbox", tmp_path / "report.pdf", "-"], capture_output=True, text=True
        ).stdout
        right = max(float(at) for at in re.findall(r'xMax="([\d.]+)"', words))
        assert right <= 595 - 16 * 72 / 25.4 + 2, "words in the margin"


def check_heads(shown, sheets):
    """Check that each sheet but the first says its section, by number and name."""
    names = shown.evaluate("[...document.querySelectorAll('nav a')].map(a => a.textContent)")
    assert [name.split()[0] for name in names] == [str(at + 1) for at in range(len(names))]
    heads = [sheet[: sheet.index(NOTICE)] for sheet in sheets]
    assert not any(name in heads[0] for name in names)
    assert all(any(name in head for name in names) for head in heads[1:])
    assert all(any(name in head for head in heads) for name in names)


def test_the_banner_stands_on_every_sheet_and_rows_are_whole(visit, report, tmp_path):
    shown = visit(report.as_uri())
    sheets = print_page(shown, tmp_path / "report.pdf")
    assert len(sheets) > 3
    assert all(NOTICE in sheet for sheet in sheets)
    check_heads(shown, sheets)
    groups = make_tables()[0].rows.drop(columns="attribute")
    for row in groups.to_numpy():
        beginning = " ".join(row[:3])
        assert sum(beginning in sheet for sheet in sheets) == 1, "a row is split"
    (heading,) = (sheet for sheet in sheets if "Table 2. Groups of the test" in sheet)
    seen, p = groups["group"].to_numpy(), make_tables()[0].p
    first = seen[np.sort(np.argsort(p, kind="stable")[:12])[0]]
    assert first in heading, "a heading without its table"
