"""Model size against risk: variants parsed, one run each, and the notebook."""

import pytest

from rollcall.experiments import capacity
from rollcall.report import figures
from rollcall.report import notebooks as runner
from rollcall.report import tables as present
from rollcall.util import files
from rollcall.util.errors import InputError
from tests.report import notebook_books as notebooks

NOTEBOOK = files.notebooks() / "4_capacity.ipynb"
SMALL = {"targets": 8, "options": ["patients=100"], "recipe": ["epochs=3"]}


def test_variants():
    assert capacity.parse("wrn_40_4 settings.width=3 epochs:2 option.size=64") == (
        "wrn_40_4",
        ["size=64"],
        ["settings.width=3", "epochs=2"],
    )
    assert capacity.run_name("settings.width=64 epochs:10") == "width-64-epochs-10"
    assert capacity.run_name("../..") == "variant"
    for variants, message in (
        ([], "variants is empty"),
        (["a b"], "one model name at most"),
        (["settings.width=8", "settings.width:8"], "more than once"),
    ):
        with pytest.raises(InputError, match=message):
            capacity.compare("simulated", variants)


def test_each_variant_has_a_run_and_a_row(tmp_path):
    result = capacity.compare(
        "simulated",
        ["settings.width=4", "small_cnn"],
        out=str(tmp_path / "out"),
        data=str(tmp_path / "data"),
        **SMALL,
    )
    table = result.table
    assert table["run"].tolist() == ["width-4", "small_cnn"]
    assert list(result.patients) == list(result.floors) == ["width 4", "small_cnn"]
    assert table["parameters"].tolist() == [
        1024 * 4 + 4 + 4 * 4 + 4 + 4 * 3 + 3,
        1 * 16 * 9 + 16 * 32 * 9 + 32 * 64 * 9 + 2 * (16 + 32 + 64) + 64 * 3 + 3,
    ]
    assert ((table["auroc"] > 0) & (table["auroc"] <= 1)).all()
    assert (table["targets"] == 8).all()
    assert (tmp_path / "out" / "simulated" / "width-4" / "patients.parquet").is_file()
    assert len(present.capacity_table(result)) == 2
    assert "4,135" in figures.alt_capacity(result)
    assert len(figures.capacity(table, result.patients).axes) == 3


def test_the_notebook(tmp_path):
    parameters = {
        "out": str(tmp_path / "out"),
        "data": str(tmp_path / "data"),
        "variants": ["settings.width:4", "settings.width:8"],
        **SMALL,
    }
    runner.execute(NOTEBOOK, tmp_path / "4.ipynb", parameters, NOTEBOOK.parent)
    assert (tmp_path / "out" / "simulated" / "figures" / "capacity.pdf").is_file()


def test_the_notebook_is_clean():
    notebooks.clean_cells(NOTEBOOK)
    notebooks.assert_stripped(NOTEBOOK)
    import papermill

    assert set(papermill.inspect_notebook(str(NOTEBOOK))) == set(runner.declared(NOTEBOOK))
