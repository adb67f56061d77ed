"""Figures of experiments: names at their lines, text that is legible, what is hidden said."""

import numpy as np
import pandas as pd
import pytest

from rollcall.paper import published
from rollcall.report.figures.experiments import budget, defence, later, open_models, scaling
from tests.report.figures.experiments.test_defence import make_curves, make_settings
from tests.report.figures.looks import has_legend, list_faint

RISKS = np.round(np.arange(0.5, 1.0, 0.01), 2)


def make_variants() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    rows, curves = [], {}
    for number, size in enumerate((5_000, 40_000, 300_000)):
        share = 0.5 * np.exp(-(RISKS - 0.5) * 30 / (number + 1))
        name = f"width {size}"
        curves[name] = pd.DataFrame({"auc": RISKS, "share": share, "patients": 20_000 * share})
        exposed = (4, 300, 2_000)[number]
        rows.append(
            {"variant": name, "parameters": size, "auroc": 0.7, "auroc_sd": 0.01}
            | {"auroc_members": 0.8, "exposed": exposed, "exposed_share": exposed / 20_000}
            | {"exposed_low": exposed / 2, "exposed_high": exposed * 2, "by_chance": 10.0}
            | {"patients": 20_000}
        )
    return pd.DataFrame(rows), curves


def draw_capacity(**options):
    return scaling.capacity(*make_variants(), **options)


def draw_later():
    kinds = ("same outcome", "changed outcome", "mixed before", "all")
    effects = pd.DataFrame(
        [
            {"split": split, "kind": kind, "patients": 500, "records": 900, "pairs": 8}
            | {f"{name}{end}": 0.01 * shift for name in ("loss", "wrong")
               for end, shift in (("", 2), ("_low", 1), ("_high", 3))}
            for split in ("time", "chance")
            for kind in kinds
        ]
    )  # fmt: skip
    effect = np.random.default_rng(0).normal(size=400)
    patients = pd.DataFrame({"effect": effect, "redrawn": effect / 2})
    return later.later_effects(effects, patients)


def draw_budget():
    rankings = pd.DataFrame(
        {"ranking": ["joint", "moderated"], "targets": [8, 24], "patients": 100}
        | {"top": [43, 70], "held": [66, 88]}
    )
    confirmed = pd.DataFrame(
        {"targets": [8, 24], "screened": [20, 40], "picked": 100, "low": [12, 34], "high": [30, 47]}
    )
    return budget.draw_budget(rankings, confirmed)


def draw_references():
    fpr = np.geomspace(1e-3, 1, 40)
    curves = [pd.DataFrame({"references": n, "fpr": fpr, "tpr": fpr ** (1 / n)}) for n in (1, 2, 4)]
    areas = pd.DataFrame({"references": [1, 2, 4], "auc": [0.5, 0.6, 0.7], "named": [0, 4, 50]})
    areas = areas.assign(auc_low=0.4, auc_high=0.8, members=1_000)
    return open_models.few_references(pd.concat(curves), areas)


def draw_ranking():
    share = np.linspace(0, 1, 11)
    curves = [
        pd.DataFrame({"ranking": name, "share": share, "caught": share**power})
        for name, power in (("statistic", 0.3), ("rmia", 0.5), ("expected", 0.7))
    ]
    table = pd.DataFrame({"references": [1, 4], "ranking": "statistic", "spearman": [0.2, 0.3]})
    table = table.assign(spearman_low=0.1, spearman_high=0.4)
    return open_models.open_ranking(pd.concat(curves), table, 0.6, 64)


def draw_survival():
    settings = make_settings(True)
    floor = np.linspace(0.3, 0.7, 500)
    return defence.defence_survival(settings, make_curves(settings), floor)


FIGURES = {
    "capacity": draw_capacity,
    "later": draw_later,
    "budget": draw_budget,
    "few_references": draw_references,
    "open_ranking": draw_ranking,
    "defence_survival": draw_survival,
    "defence_price": lambda: defence.defence_price(make_settings(True)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_names_stand_at_their_lines_and_can_be_read(name):
    figure = FIGURES[name]()
    assert figure.name == name
    assert not has_legend(figure.drawing)
    assert list_faint(figure.drawing) == []
    width, height = 25.4 * figure.drawing.get_size_inches()
    assert min(abs(width - wanted) for wanted in (89, 183)) < 0.01
    assert height <= 170
    assert any(letter.isdigit() for letter in figure.alt)
    assert len(figure.data)


def test_capacity_has_its_floor_and_the_published_values():
    floor = pd.DataFrame({"auc": RISKS, "share": 0.4 * np.exp(-(RISKS - 0.5) * 40)})
    figure = draw_capacity(floor=floor, dataset="ptb_xl")
    names = set(figure.data["variant"])
    assert {"if nothing leaked", "published", "ptb_xl", "fairvision"} <= names
    texts = {text.get_text() for text in figure.drawing.axes[0].texts}
    assert {"if nothing leaked", "published (2.02 M)"} <= texts
    known = published.at_or_above(scaling.AT).set_index("dataset")["share"]
    assert known["ptb_xl"] == pytest.approx(0.347, abs=0.001)
    assert f"ptb_xl {known['ptb_xl']:.2%}" in figure.alt
    few = figure.data[figure.data["variant"] == "width 5000"].iloc[0]
    assert np.isnan(few["exposed"]), "4 are exposed"


def test_a_data_set_that_is_not_the_papers_has_no_published_curve():
    figure = draw_capacity(dataset="diabetes130")
    assert "published" not in set(figure.data["variant"])
    assert {"embed", "chexpert"} <= set(figure.data["variant"])


def test_a_defence_of_whom_too_few_are_left_is_named():
    texts = [text.get_text() for ax in draw_survival().drawing.axes for text in ax.texts]
    assert any("too few patients:\nε 3" in text for text in texts)
