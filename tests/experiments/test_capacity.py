"""Model size against risk: variants parsed, one run each, and the notebook."""

import pytest
from bs4 import BeautifulSoup

from rollcall.experiments import capacity
from rollcall.report.figures.experiments.scaling import capacity as draw_capacity
from rollcall.report.notebooks import execute_notebook
from rollcall.report.tables.models import capacity_table
from rollcall.report.tables.showing import read_tables
from rollcall.util import files
from rollcall.util.errors import InputError

NOTEBOOK = files.notebooks() / "4_capacity.ipynb"
SMALL = {"targets": 8, "options": ["patients=100"], "recipe": ["epochs=3"]}


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([], "variants is empty"),
        (["a b"], "one model name at most"),
        (["settings.width=8", "settings.width:8"], "more than once"),
    ],
)
def test_wrong_variants_are_refused(variants, message):
    with pytest.raises(InputError, match=message):
        capacity.compare_models(cohort="simulated", variants=variants)


@pytest.mark.slow
def test_each_variant_has_a_run_and_a_row(tmp_path):
    result = capacity.compare_models(
        cohort="simulated",
        variants=["settings.width=4", "small_cnn"],
        out=str(tmp_path / "out"),
        data=str(tmp_path / "data"),
        **SMALL,
    )
    table = result.variants
    assert table["run"].tolist() == ["width-4", "small_cnn"]
    assert list(result.curves) == ["width 4", "small_cnn"]
    assert table["parameters"].tolist() == [
        1024 * 4 + 4 + 4 * 4 + 4 + 4 * 3 + 3,
        1 * 16 * 9 + 16 * 32 * 9 + 32 * 64 * 9 + 2 * (16 + 32 + 64) + 64 * 3 + 3,
    ]
    assert ((table["auroc"] > 0) & (table["auroc"] <= 1)).all()
    assert (table["targets"] == 8).all()
    assert (tmp_path / "out" / "simulated" / "width-4" / "patients.parquet").is_file()
    assert len(capacity_table(table).rows) == 2
    (shown,) = read_tables(BeautifulSoup(result.table().data, "html.parser"))
    assert "small_cnn" in {row[0] for row in shown["rows"]}
    figure = draw_capacity(table, result.curves)
    assert "4,135" in figure.alt
    assert len(figure.drawing.axes) == 3
    assert result.folder == tmp_path / "out" / "simulated" / "figures"


@pytest.mark.slow
def test_the_notebook(tmp_path):
    parameters = {
        "out": str(tmp_path / "out"),
        "data": str(tmp_path / "data"),
        "variants": ["settings.width:4", "settings.width:8"],
        **SMALL,
    }
    execute_notebook(NOTEBOOK, tmp_path / "4.ipynb", parameters, NOTEBOOK.parent)
    assert (tmp_path / "out" / "simulated" / "figures" / "capacity.pdf").is_file()
