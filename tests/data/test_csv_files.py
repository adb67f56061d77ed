"""Csv files as people save them: separators, line ends, and what is too long."""

import gzip

import pytest

from rollcall.data import csv_files, tables
from rollcall.util.errors import InputError


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tables_are_read_whatever_separates(tmp_path, separator, end, mark):
    rows = [["patient_id", " site "], ["p1", "x,y" if separator != "," else "x"], ["p2", "z"]]
    path = tmp_path / "t.csv"
    path.write_bytes((mark + end.join(separator.join(row) for row in rows) + end).encode())
    table = tables.read_whole_table(path, "patient_id")
    assert list(table) == ["patient_id", "site"]
    assert table.to_numpy().tolist() == rows[1:]


def test_one_column_and_columns_without_a_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("patient_id\np1\np2")
    assert tables.read_whole_table(path, "patient_id")["patient_id"].tolist() == ["p1", "p2"]
    path.write_text(",patient_id\n0,p1\n1,p2\n")  # as pandas writes its index
    assert list(tables.read_whole_table(path, "patient_id")) == ["patient_id"]
    path.write_text('patient_id,a\n"p;1","x;y;z"\n')  # a comma, since it makes patient_id a column
    assert tables.read_whole_table(path, "patient_id")["patient_id"].tolist() == ["p;1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty, or its first row is"),
        (b"\n\n", "empty, or its first row is"),
        (b"patient_id\n", "holds no rows, only a header"),
        (b"patient_id", "holds no rows, only a header"),
        (b'"patient\nid",a\np1,b\n', "a line break in the name of a column"),
        (b'"patient_id,a\np1,b\n', "a line break in the name of a column"),
        (b"patient_id,a,a\np1,b,c\n", "has more than once the column 'a'"),
        (b"sep=;\npatient_id;a\np1;b\n", "row 1 is 'sep='; .*: delete what is above them"),
        (b"# made by hand\npatient_id,a\np1,b\n", "row 1 is '# made by hand'"),
        (b"patient_id,a\np1\n", "Expected 2 columns, got 1"),
        (b"patient_id,\xe9\np1,b\n", "row 1 is not UTF-8"),
        (b"patient_id,a\np1,\xe9\n", "row 2 is not UTF-8"),
        ("patient_id,a\np1,b\n".encode("utf-16"), "row 1 is not UTF-8"),
        ("patient_id,a\np1,b\n".encode("utf-16-le"), "row 1 is not UTF-8"),
        (b"x" * 2_000_000, "not a readable csv|longer than"),
        (b",".join(b"x%d" % n for n in range(300_000)) + b"\n", "longer than 1,048,576 bytes"),
        (b"patient_id,a\np1," + b"x" * 200_000 + b"\n", "a field of more than 100,000"),
        (b"PK\x03\x04\x00\x00patient_id", "no csv but a zip"),
    ],
)
def test_what_is_no_table_is_one_line_without_advice_to_fetch(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        tables.read_whole_table(path, "patient_id")
    assert "\n" not in str(caught.value)
    assert "fetch" not in str(caught.value)


def test_there_is_no_such_file(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        tables.read_whole_table(tmp_path / "t.csv", "patient_id")


def test_a_small_file_that_unpacks_to_a_large_one_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "ALWAYS_UNPACKED", 2**20)
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"patient_id,a\n" + b"p,aaaaaaaaaaaaaaaaaaaaaaa\n" * 400_000))
    with pytest.raises(InputError, match=r"t.csv.gz: longer than \d+ MB when it is unpacked"):
        tables.read_whole_table(path, "patient_id")
    with pytest.raises(InputError, match="when it is unpacked"):
        tables.read_table(path, ["patient_id"])


def test_rows_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "MOST_ROWS", 10)
    path = tmp_path / "t.csv"
    path.write_text("patient_id\n" + "p\n" * 11)
    with pytest.raises(InputError, match="more than 10 rows"):
        tables.read_whole_table(path, "patient_id")
