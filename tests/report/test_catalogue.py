"""Every figure of an audit: its size, font, bytes, words and numbers, from what a run stores."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pypdf import PdfReader

from rollcall import auditing, datasets, recipes
from rollcall.report import catalogue, style
from rollcall.report.tables.showing import Table
from rollcall.runs import run as run_folder
from rollcall.runs.derived.manifests import describe_step
from rollcall.runs.derived.parts import FIGURES
from rollcall.runs.derived.tables import write_step
from tests.report.figures.looks import list_faint

WIDTHS, TALLEST = (89, 183), 170  # mm
SIZES = {6.5, 7, 8}  # points; 8: letters of panels
SETTINGS = ["epochs=20"]


GROUPS = [("race", name) for name in "ABCD"] + [("sex", "female"), ("sex", "male")]


def make_groups() -> pd.DataFrame:
    """Groups as they leave the gate: one that differs, one of nobody exposed, one hidden."""
    table = pd.DataFrame(GROUPS, columns=["attribute", "group"])
    numbers = {
        "patients": [1200.0, 160, 160, 480, 1007, 993],
        "exposed": [38.0, 39, 0, np.nan, 57, 43],
        "ratio_within": [0.41, 6.77, 0, np.nan, 1.3, 0.77],
        "within_low": [0.28, 4.75, 0, np.nan, 0.88, 0.53],
        "within_high": [0.62, np.inf, 0.9, np.nan, 1.9, 1.13],
        "p": [0.001, 0.0001, 0.2, np.nan, 0.5, 0.5],
        "p_adjusted": [0.004, 0.0006, 0.8, np.nan, 1, 1],
    }
    table = table.assign(intersection=False, is_outcome=table["attribute"] == "sex", **numbers)
    share = table["exposed"] / table["patients"]
    return table.assign(exposed_share=share, exposed_low=share / 2, exposed_high=2 * share)


def make_cutoffs() -> pd.DataFrame:
    """Rows of each group at three cutoffs and at all exposed, as they leave the gate."""
    rows = []
    for at, (attribute, group) in enumerate(GROUPS):
        for cutoff, is_exposed in ((0.01, False), (0.05, False), (0.1, False), (0.06, True)):
            ratio = np.nan if at == 3 and cutoff < 0.05 else (0 if at == 2 else 0.7 + at)
            row = {"attribute": attribute, "group": group, "intersection": False, "cutoff": cutoff}
            row |= {"is_exposed": is_exposed, "ratio": ratio, "ratio_low": ratio / 2}
            row |= {"inside": np.nan if np.isnan(ratio) else 10.0 * at * (at != 2)}
            row |= {"ratio_high": 2 * ratio + 1, "floor_low": 0.0, "floor_high": 2.0, "top": 20.0}
            rows.append(row)
    return pd.DataFrame(rows)


def make_levels() -> pd.DataFrame:
    """Each group and everybody at four risks, as they leave the gate: one count is hidden."""
    rows = []
    sizes = dict(zip(GROUPS, make_groups()["patients"], strict=True)) | {("(all)", "(all)"): 2000}
    for at, ((attribute, group), patients) in enumerate(sizes.items()):
        for level, share in ((0.5, 0.6), (0.6, 0.2), (0.7, 0.1), (0.9, 0.02)):
            row = {"attribute": attribute, "group": group, "patients": patients, "level": level}
            inside = np.nan if at == 1 and level > 0.6 else 0.0 if at == 2 else share * patients
            floor = 2000 * (1 - level) ** 3 * patients / 2000
            row |= {"inside": inside and max(inside, 12)}
            rows.append(row | {"floor": floor, "floor_low": floor / 2, "floor_high": 2 * floor})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """An audit of 400 patients and 16 models, of whom race B leaks much and others hardly."""
    folder = tmp_path_factory.mktemp("figures")
    cohort = datasets.load("simulated", data=folder / "data", patients=400)
    recipe = recipes.choose("simulated", entries=SETTINGS)
    run = run_folder.create(folder / "run", cohort, recipe, 16, 0)
    rng, members = np.random.default_rng(3), run.members()
    leak = np.where(cohort.records["race"] == "B", 6.0, 0.3)
    for target in range(run.targets):
        logits = rng.normal(size=(len(cohort), cohort.outputs)).astype(np.float32)
        inside = members[target][cohort.patient_index]
        logits[np.arange(len(cohort)), cohort.labels] += leak * inside
        run.write_target(target, logits, {"seed": target, "seconds": 1.0, "metrics": {}})
    auditing.Audit(run, cohort).attack()
    groups, cutoffs = make_groups(), make_cutoffs()
    tables = {"disparity": groups, "shown_groups": groups}
    tables |= {"cutoffs": cutoffs, "shown_cutoffs": cutoffs, "shown_levels": make_levels()}
    write_step(run, "disparity", describe_step(run, "disparity"), tables)
    return auditing.Audit(run, cohort)  # that knows of the steps what is stored


@pytest.fixture(scope="module")
def drawn(study, tmp_path_factory):
    """Each figure, and the folders of two draws of it."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    figures = {}
    for name in catalogue.FIGURES:
        for folder in folders:
            figures[name] = catalogue.FIGURES[name](study)
            style.save(figures[name], folder)
    return figures, folders


def test_nothing_was_computed_again(study, drawn):
    assert not {"attacked", "groups"} & set(vars(study))


@pytest.mark.parametrize("name", list(catalogue.FIGURES))
def test_a_figure_has_its_size_font_bytes_and_words(drawn, name):
    figure, folders = drawn[0][name], drawn[1]
    assert not isinstance(figure, Table)
    assert figure.name == name
    for file in style.files_of(figure):
        first, second = ((folder / file).read_bytes() for folder in folders)
        assert first == second, file
    document = PdfReader(folders[0] / f"{name}.pdf")
    width, height = (float(side) * 25.4 / 72 for side in document.pages[0].mediabox[2:])
    assert min(abs(width - wanted) for wanted in WIDTHS) < 0.01
    assert height <= TALLEST
    fonts = document.pages[0]["/Resources"]["/Font"]
    for font in (fonts[key].get_object() for key in fonts):
        assert "LiberationSans" in font["/BaseFont"]
    texts = re.findall(r"font-size: ([\d.]+)px|font: [^;]*?([\d.]+)px", svg_of(folders[0], name))
    assert {float(a or b) for a, b in texts} <= SIZES
    assert document.metadata.subject == figure.alt
    assert document.metadata.title == figure.title
    assert re.search(r"\d", figure.alt), "what is said has its numbers"
    assert f"<desc>{figure.alt[:20]}" in svg_of(folders[0], name)
    with Image.open(folders[0] / f"{name}.png") as picture:
        assert picture.text["Description"] == figure.alt
        assert picture.width == pytest.approx(width / 25.4 * 300, abs=2)
    assert name in FIGURES, "a run knows its files"
    assert list_faint(figure.drawing) == []


def svg_of(folder, name) -> str:
    return (folder / f"{name}.svg").read_text()


@pytest.mark.parametrize("name", list(catalogue.FIGURES))
def test_the_numbers_of_a_figure_stand_beside_it(study, drawn, name):
    figure, (folder, _) = drawn[0][name], drawn[1]
    numbers = pd.read_csv(folder / f"{name}.csv")
    assert len(numbers) == len(figure.data)
    assert list(numbers) == list(figure.data)
    ids = set(study.cohort.records["patient_id"].astype(str))
    for column in numbers.select_dtypes(exclude="number"):
        assert not ids & set(numbers[column].astype(str))
    for column in {"patients", "number", "inside", "exposed"} & set(numbers):
        if name in ("forest", "group_survival", "named"):
            counts = numbers[column].dropna()
            assert ((counts == 0) | (counts >= 10)).all(), column


def test_letters_stand_at_panels_that_are_several(drawn):
    for name, figure in drawn[0].items():
        texts = [text for ax in figure.drawing.axes for text in ax.texts]
        bold = [text.get_text() for text in texts if text.get_fontweight() == "bold"]
        letters = [text for text in bold if len(text) == 1]
        titled = sum(bool(ax.get_title(loc="left")) for ax in figure.drawing.axes)
        expected = [chr(97 + at) for at in range(titled)] if titled > 1 else []
        assert letters == expected, name
