"""A table's own column of times: the order of a patient's rows, and no input."""

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets
from rollcall.util.errors import InputError


def load(folder, times):
    """The cohort of a table with a visit's date in column `visit`, two rows a patient."""
    rows = len(times)
    table = pd.DataFrame(
        {
            "id": [f"p{number // 2}" for number in range(rows)],
            "visit": times,
            "value": np.random.default_rng(0).normal(size=rows).round(3),
            "died": np.arange(rows) % 3 == 0,
        }
    )
    folder.mkdir(exist_ok=True)
    table.to_csv(folder / "visits.csv", index=False)
    keys = 'label = "died"\npatient = "id"\ntime = "visit"\n'
    (folder / "cohort.toml").write_text(keys)
    return datasets.load("table", folder, folder / "data")


@pytest.mark.parametrize(
    "times",
    [["2020-03-01", "2019-12-31"], ["01.03.2020 10:00", "01.03.2020 09:59"], [12, 9.5], [1, -1]],
)
def test_rows_are_in_the_order_of_dates_and_numbers(tmp_path, times):
    cohort = load(tmp_path / "release", times * 20)
    assert cohort.order is not None
    assert cohort.order.tolist() == [1, 0] * 20
    assert cohort.features == ("value",)


def test_a_missing_time_is_unknown_and_a_word_is_refused(tmp_path):
    cohort = load(tmp_path / "a", ["2020-03-01", "NA", "2020-05-01", "2020-06-01"] * 10)
    assert cohort.order is not None
    assert cohort.order.tolist() == [0, -1, 0, 1] * 10
    with pytest.raises(InputError, match="'visit': 'early'; expected dates of one layout"):
        load(tmp_path / "b", ["2020-03-01", "early"] * 20)
    (tmp_path / "b" / "cohort.toml").write_text('label = "id"\ntime = "id"\n')
    with pytest.raises(InputError, match="'id' is time and label"):
        datasets.load("table", tmp_path / "b", tmp_path / "data")


def test_dates_that_may_be_read_two_ways_are_noted(tmp_path):
    cohort = load(tmp_path / "release", ["01/02/2020", "02/03/2020"] * 20)
    assert any(note.startswith("visit: day and month") for note in cohort.notes)
