"""The report of a whole audit: 18 fields, ten questions, the twin by its schema."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from bs4 import BeautifulSoup

from rollcall.report import catalogue
from rollcall.report.page.fields import QUESTIONS, TO_FILL_IN, fill_in
from rollcall.report.page.frames import WHERE
from rollcall.report.twin import read_schema
from rollcall.report.words.facts import DEMO, SIMULATED

TOP = Path(__file__).resolve().parents[3]
# What a data-protection officer asks, the part of the report that answers, and by which words.
TEN_QUESTIONS = {
    "May this model be released? What is to be done?": (
        "#first",
        r"No thresholds were stated before this audit.*What to do.*(audit again|rollcall release)",
    ),
    "What was audited: the file I want to release?": (
        "#first",
        r"not one finished model: trained 16 times, each on a random half of the patients",
    ),
    "How many people can be picked out, and how sure is that?": (
        "#first",
        r"Who\. .*of 120 patients.*How sure\. .*(95% interval|About|takes about|coin)",
    ),
    "Is somebody identified by that? Does it prove an attack?": (
        "#first",
        r"Picked out is not identified\..*does not show that anyone has attacked",
    ),
    "What must an attacker have?": (
        "#methods",
        r"whole record, with its label; data of the same kind.*exact scores",
    ),
    "How bad is it for the person who is worst off?": (
        "#fields",
        r"9\. Worst person.*10 most exposed patients.*1% false alarms \(lower end .*0\.1% false",
    ),
    "Does it hit some groups more than others?": ("#part3", r"Which groups carry the risk\?.*race"),
    "What was not tried, and what can this audit not see?": (
        "#limits",
        r"white box.*label alone.*inversion.*attribute inference.*With 16 models",
    ),
    "Which files may I pass on, and is the report itself safe?": (
        "#leaving",
        r"stay where the data may be: .*patients\.parquet.*may leave: report\.html.*No count of 1 "
        r"to 9 patients",
    ),
    "How can somebody check these numbers?": (
        "#facts",
        r"sha256 of its sources [0-9a-f]{64}.*rollcall audit .*patients\.parquet ?[0-9a-f]{64}",
    ),
}


@pytest.fixture(scope="module")
def page(finished):
    return BeautifulSoup((finished.run / "report.html").read_text(), "html.parser")


@pytest.fixture(scope="module")
def twin(finished):
    text = (finished.run / "report.json").read_text()
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in the twin"))


def text_of(tag):
    return " ".join(tag.get_text(" ").split())


@pytest.mark.parametrize("question", TEN_QUESTIONS)
def test_ten_questions_are_answered(page, question):
    place, words = TEN_QUESTIONS[question]
    assert re.search(words, text_of(page.select_one(place)), re.S), text_of(page.select_one(place))


def test_what_people_in_the_data_are_told(page):
    assert len(text_of(page.select_one("#first .people")).split()) > 15


def test_all_18_fields_are_there_and_lead_somewhere(page, twin):
    rows = page.select("#fields tbody tr")
    assert [int(text_of(row.th).split(".")[0]) for row in rows] == list(range(1, 19))
    marks = {tag["id"] for tag in page.find_all(id=True)}
    for row in rows:
        assert row.a["href"].removeprefix("#") in marks
        assert len(text_of(row.td)) > 20
    states = {field["number"]: field["state"] for field in twin["fields"]}
    lacking = [number for number, state in states.items() if state == TO_FILL_IN]
    assert lacking == [1, 2, 5, 12, 13, 14]  # 14: not the thresholds, but the impact assessment
    assert len(page.select("#fields .tofill")) >= len(lacking)
    assert all(field["where"] in WHERE for field in twin["fields"])


def test_the_twin_is_as_its_schema_says(twin):
    schema = read_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(twin, schema)
    for change in ({"format": 1}, {"fields": twin["fields"][:17]}, {"more": 1}, {"unit": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(twin | change, schema)
    assert twin["numbers"]["patients"] == 120
    assert twin["command"].startswith("rollcall audit --targets 16 --option patients=120")
    assert "/" not in twin["command"]


def test_the_demo_says_on_every_sheet_that_it_is_one(page, twin):
    assert text_of(page.select_one("aside.notice")) == DEMO == twin["notice"]
    assert DEMO not in SIMULATED
    assert SIMULATED not in text_of(page)


def test_the_guide_names_every_figure_and_table_and_each_table_as_it_is_headed(twin):
    """docs/reading-the-report.md, its tables' first columns, against what an audit can show."""
    guide = (TOP / "docs/reading-the-report.md").read_text()
    parts = re.findall(r"^## The (figures|tables)\n(.*?)(?=^## )", guide, re.M | re.S)
    named = {head: re.findall(r"^\| `(\w+)` \| ([^|]*)", body, re.M) for head, body in parts}
    assert [name for name, _ in named["figures"]] == [*figures_in_order()]
    assert [name for name, _ in named["tables"]] == list(catalogue.TABLES)
    shown = [table["caption"] for part in twin["parts"] for table in part["tables"]]
    captions = [caption.strip() for _, caption in named["tables"]]
    assert len(shown) >= len(captions) - 2  # without a group nothing is compared
    for caption in shown:
        assert caption.startswith(tuple(captions)), caption


def figures_in_order():
    """The first page's, then those of the notebooks in the order in which these show them."""
    text = "".join(
        (TOP / "notebooks" / f"{name}.ipynb").read_text() for name in ("2_attack", "3_disparity")
    )
    shown = re.findall(r'show\(\\"(\w+)\\"', text)
    of_notebooks = [name for name in shown if name in catalogue.FIGURES]
    first = [name for name in catalogue.FIGURES if name.startswith("first_")]
    assert {*first, *of_notebooks} == set(catalogue.FIGURES)
    return [*first, *of_notebooks]


def test_nothing_of_the_notebooks_housekeeping_is_left(page):
    main = text_of(page.main)
    for words in ("The demo takes", "What to remember", DEMO):
        assert words not in main
    assert not page.find_all("pre")


def test_every_dfn_and_source_is_linked(page):
    linked = {link["href"] for link in page.find_all("a", href=True)}
    sources = {f"#{item['id']}" for item in page.select("#sources li")}
    assert len(sources) == 15
    assert {"#source-carlini", "#source-zarifzadeh", "#source-edpb", "#source-benjamini"} <= linked
    defined = {text_of(tag) for tag in page.select("#methods dfn")}
    assert {"LiRA", "RMIA", "noise floor", "false-discovery rate", "exposed"} <= defined
    terms = " ".join(text_of(tag) for tag in page.select("#glossary dt"))
    for term in ("AUC", "LiRA", "noise floor", "false-discovery rate", "Holm", "mu", "precision"):
        assert term in terms


def test_an_answer_that_lacks_is_to_fill_in():
    fields = fill_in({1: "a", 2: ("b", "not applicable")})
    assert [field.state for field in fields[:3]] == ["answered", "not applicable", TO_FILL_IN]
    assert len(fields) == len(QUESTIONS) == 18
