"""Ids are compared as people mean them, or refused with a word."""

import pandas as pd
import pytest

from rollcall.data import cleaning
from rollcall.util.errors import InputError


def clean(ids):
    return list(cleaning.clean_ids("t.csv", pd.DataFrame({"id": ids}, dtype="str"), "id"))


@pytest.mark.parametrize(
    ("ids", "cleaned"),
    [
        ([" p1", "p1 ", "\tp1\u00a0", "\ufeffp1"], ["p1"] * 4),
        (["100.0", "7.0", "12"], ["100", "7", "12"]),
        (["0100.0", "0100", "17."], ["0100", "0100", "17"]),
        (["1.0", "1.5"], ["1.0", "1.5"]),  # numbers of something else: as they are
        (["1.2.840.0", "p.0"], ["1.2.840.0", "p.0"]),
        (["Zoe\u0308", "Zo\u00eb"], ["Zo\u00eb", "Zo\u00eb"]),
        (["12e45678", "1e5"], ["12e45678", "1e5"]),
        (["007", "p007"], ["007", "p007"]),
        (["1 12", "11 2", "1-12"], ["1 12", "11 2", "1-12"]),
    ],
)
def test_ids_are_cleaned(ids, cleaned):
    assert clean(ids) == cleaned


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["p1", ""], r"row 3, column 'id': ''; expected the id of a patient"),
        (["p1", "NA", "nan"], r"row 3, column 'id': 'NA'; .*\(2 such rows\)"),
        (["0100", "100"], "'0100' and '100', which differ by leading zeros alone"),
        (["0100.0", "100"], "'0100' and '100', which differ by leading zeros alone"),
        (["00", "0"], "leading zeros"),
        (["1.00012E+13", "2"], "rounded|spreadsheet"),
        (["Pat-1", "PAT-1", "b"], "'Pat-1' and 'PAT-1', which differ by capitals, signs or spaces"),
        (["1200", "+1200"], "signs"),
        (["a-1", "a\u20111"], "signs"),
        (["a 1", "a  1"], "spaces"),
        (["p\u200b1", "p1"], "spaces"),
        (["12", "\uff11\uff12"], "signs"),
    ],
)
def test_ids_that_are_none_are_refused(ids, message):
    with pytest.raises(InputError, match=message):
        clean(ids)


def test_rows_are_found_without_leading_zeros():
    table, patients = pd.Series(["0100", "b", "7"]), pd.Series(["7", "100", "c", "b"])
    assert list(cleaning.find_rows(table, patients)) == [2, 0, -1, 1]


def test_a_column_of_ids_is_known_by_its_values():
    patients = pd.Series([f"{n:03d}" for n in range(50)])
    table = pd.DataFrame({"age": [str(20 + n % 30) for n in range(50)]}, dtype="str")
    assert cleaning.find_id_column(table, patients) is None
    for ids in (
        patients[::-1].tolist(),
        [f"{n}.0" for n in range(50)],
        [f" {n}" for n in range(50)],
    ):
        assert cleaning.find_id_column(table.assign(subject_id=ids), patients) == "subject_id"
    others = [f"x{n}" for n in range(50)]
    assert cleaning.find_id_column(table.assign(subject_id=others), patients) is None
