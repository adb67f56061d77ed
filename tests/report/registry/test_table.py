"""The registry: complete against the paper's list, true of the code, and written out in docs."""

import inspect
from importlib import import_module

import pytest

from docs import figures as page
from rollcall.report import catalogue, gallery
from rollcall.report.registry import COMPOSED, OF_EXPERIMENT, OF_RUN, OF_RUNS, REGISTRY
from rollcall.report.registry.kept import load
from rollcall.runs.derived import parts
from rollcall.util import files

# What the paper, its supplement and its companion pages draw, in words that an entry's counterpart
# must hold.
OF_THE_PAPER = (
    "aggregate ROC of each data set, LiRA and RMIA",
    "the same for all data sets, by LiRA; by RMIA",
    "patient survival by maximum, all data sets",
    "patient survival by mean, all data sets",
    "record-level survival with 95% limits, all data sets",
    "patient survival of one data set with 95% limits",
    "pictures of the highest records and of random ones",
    "subgroup panels: share, Pearson residual, chi-square",
    "group size against residual, one panel a data set",
    "share against over-representation",
    "errors by the number of models",
    "model scaling",
    "survival per epsilon with the theoretical ceiling",
    "test metric per epsilon",
    "trade-off curve, power against alpha",
    "attack on published models",
    "bundle of all records' ROC curves",
    "beside its in and out distributions",
    "disparity at every threshold",
    "survival curves by group",
    *("Figure 1", "Figure 2", "Figure 3", "Figure 4"),
)


@pytest.mark.parametrize("words", OF_THE_PAPER)
def test_every_figure_of_the_paper_has_a_counterpart(words):
    assert any(words in entry.paper for entry in REGISTRY.values())


def test_every_figure_there_is_is_listed_and_no_other():
    def names(kind):
        return {entry.name for entry in REGISTRY.values() if entry.kind == kind}

    assert names(OF_RUN) == set(catalogue.FIGURES)
    assert names(OF_RUN) <= set(parts.FIGURES)
    assert names(OF_RUNS) == set(gallery.FIGURES) | {"subgroups"}
    assert names(COMPOSED) == set(gallery.COMPOSED)
    drawn = {entry.function for entry in REGISTRY.values() if entry.kind == OF_EXPERIMENT}
    for module in ("budget", "costs", "defence", "later", "open_models", "scaling"):
        place = f"rollcall.report.figures.experiments.{module}"
        for name, function in vars(import_module(place)).items():
            if "Figure" in str(getattr(function, "__annotations__", {}).get("return")):
                assert f"{place}:{name}" in drawn


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=list(REGISTRY))
def test_an_entry_is_true_of_the_code(entry):
    assert inspect.isfunction(load(entry))
    assert (files.notebooks() / f"{entry.notebook}.ipynb").is_file()
    stored = {table for step in parts.STEPS.values() for table in step.tables}
    if entry.kind == OF_EXPERIMENT:
        stored = set(inspect.signature(load(entry)).parameters)
    assert set(entry.inputs) <= stored
    assert entry.command == f"rollcall figure {entry.name}"


def test_the_page_is_what_the_registry_says():
    assert page.PAGE.read_text(encoding="utf-8") == page.write_page()
