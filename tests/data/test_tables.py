"""Tables: every fault is named by file, row and column."""

import gzip

import numpy as np
import pandas as pd
import pytest

from rollcall.data import tables
from rollcall.util.errors import InputError


def test_values_come_as_they_stand(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffa,b,c\r\nNA,,"x,y"\r\n None,1.0,é\r\n'.encode())
    table = tables.read_table(path, ["c", "a", "b"])
    assert table.to_numpy().tolist() == [["x,y", "NA", ""], ["é", " None", "1.0"]]
    assert tables.find_line(table, 1) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv: empty"),
        (b"a,b\n", "holds no rows"),
        (b"a,c\n1,2\n", "lacks the column 'b'; it has 'a', 'c'"),
        (b"a,b\n1,2\n3\n", "not a readable csv .*Row #3: Expected 2 columns, got 1"),
        (b"a,b\n1,2\n3,4,5\n", "not a readable csv .*Row #3: Expected 2 columns, got 3"),
        (b"a,b\n1,2\n3,\xe9\n", "row 3 is not UTF-8"),
        (
            b"a,b\n1," + b"x" * 1_000_000 + b"\n",
            "row 2, column 'b': 'x{40}'; a field of more than 100,000 characters",
        ),
        (b"a,b\n1,2\n1,3\n", "row 3, column 'a': '1'; this a is in the table already"),
        ("a,b\n1,2\n".encode("utf-16"), "not UTF-8"),
        (b"a,b,a\n1,2,3\n", "has more than once the column 'a'"),
        (b'a,b\n1,"2\n3,4\n', "column 'b'.*a line break in a field; is a quote not closed?"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        tables.read_table(path, ["a", "b"], key="a")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600 + len(str(tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: data[: len(data) // 2],
        lambda data: b"\x1f\x8b" + b"x" * 50,
        lambda data: data[:30] + bytes(20) + data[50:],
        lambda data: b"a,b\n1,2\n",
    ],
)
def test_a_damaged_gz_is_one_line(tmp_path, damage):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(
        damage(gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))))
    )
    with pytest.raises(
        InputError, match=r"t\.csv\.gz: (damaged or cut short|not a readable csv)"
    ) as caught:
        tables.read_table(path, ["a", "b"])
    assert "\n" not in str(caught.value)


def make_table(**columns):
    return pd.DataFrame(columns, dtype=str)


def test_numbers_codes_ids_and_times(tmp_path):
    path = tmp_path / "t.csv"
    table = make_table(
        n=["1.5", "", "-2"],
        c=["a", "b", "a"],
        i=["1", "02", "3"],
        w=["2180-05-06 19:17:00", "2180-05-07", ""],
    )
    assert np.array_equal(
        tables.read_numbers(path, table, "n", missing=True), [1.5, np.nan, -2], equal_nan=True
    )
    assert tables.read_codes(path, table, "c", ("b", "a")).tolist() == [1, 0, 1]
    assert tables.read_ids(path, table, "i").tolist() == ["1", "02", "3"]
    assert tables.read_times(path, table, "w", missing=True).isna().tolist() == [False, False, True]
    for call, message in (
        (lambda: tables.read_numbers(path, table, "n"), "row 3, column 'n': ''; expected a number"),
        (
            lambda: tables.read_numbers(path, table, "n", True, 0, 9),
            "row 4, column 'n': '-2'; expected a number from 0 to 9 or nothing",
        ),
        (lambda: tables.read_numbers(path, make_table(n=["inf"]), "n"), "'inf'; expected a number"),
        (
            lambda: tables.read_codes(path, table, "c", ("a",)),
            "row 3, column 'c': 'b'; expected one of 'a'",
        ),
        (lambda: tables.read_ids(path, make_table(i=["1.0"]), "i"), "expected a whole number"),
        (lambda: tables.read_times(path, table, "w"), "row 4, column 'w': ''; expected a time"),
        (
            lambda: tables.read_times(path, make_table(w=["soon"]), "w", True),
            "'soon'; expected a time",
        ),
    ):
        with pytest.raises(InputError, match=message):
            call()
