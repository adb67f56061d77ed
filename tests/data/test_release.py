"""Reading releases: never out of the root, and every fault named by file, row and column."""

import gzip
import os

import numpy as np
import pandas as pd
import pytest

from rollcall.data import release, tables
from rollcall.util.errors import InputError


@pytest.mark.parametrize(
    "name", ["../a.csv", "x/../../a.csv", "/etc/passwd", "", "x\0y", "..\\a.csv", ".."]
)
def test_a_path_out_of_the_root_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="not a path inside the release"):
        release.resolve_inside(tmp_path, name)


@pytest.mark.parametrize(
    "make",
    [
        lambda root, out: os.symlink(out / "a.csv", root / "a.csv"),  # the file itself
        lambda root, out: os.symlink(
            out, root / "folder", target_is_directory=True
        ),  # a folder on the way
    ],
)
def test_a_link_out_of_the_root_is_refused(tmp_path, make):
    root, out = tmp_path / "root", tmp_path / "out"
    root.mkdir(), out.mkdir()
    (out / "a.csv").write_text("x\n1\n")
    make(root, out)
    name = "a.csv" if (root / "a.csv").is_symlink() else "folder/a.csv"
    with pytest.raises(InputError, match="leads out of the root"):
        release.resolve_inside(root, name)
    with pytest.raises(InputError, match="leads out of the root"):
        release.find_file(root, name)


def test_a_link_within_the_root_is_followed(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    os.symlink(tmp_path / "a.csv", tmp_path / "b.csv")
    assert release.find_file(tmp_path, "b.csv").read_text() == "x\n1\n"


def test_a_table_is_found_at_the_top_and_two_folders_down(tmp_path):
    for folder in ("", "one/", "one/two/"):
        root = tmp_path / f"root-{folder.count('/')}"
        (root / folder / "ed").mkdir(parents=True)
        (root / folder / "ed" / "t.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
        assert release.find_table(root, "ed/t.csv").name == "t.csv.gz"
    with pytest.raises(InputError, match="holds no ed/u.csv or ed/u.csv.gz"):
        release.find_table(root, "ed/u.csv")
    assert release.find_table(root, "ed/u.csv", required=False) is None


def test_two_releases_under_one_root_are_not_guessed_between(tmp_path):
    for version in ("2.0", "2.2"):
        (tmp_path / version / "ed").mkdir(parents=True)
        (tmp_path / version / "ed" / "t.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match="more than once"):
        release.find_table(tmp_path, "ed/t.csv")


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
        InputError, match="t.csv.gz: (damaged or cut short|not a readable csv)"
    ) as caught:
        tables.read_table(path, ["a", "b"])
    assert "\n" not in str(caught.value)


def table(**columns):
    return pd.DataFrame(columns, dtype=str)


def test_numbers_codes_ids_and_times(tmp_path):
    path = tmp_path / "t.csv"
    t = table(
        n=["1.5", "", "-2"],
        c=["a", "b", "a"],
        i=["1", "02", "3"],
        w=["2180-05-06 19:17:00", "2180-05-07", ""],
    )
    assert np.array_equal(
        tables.read_numbers(path, t, "n", missing=True), [1.5, np.nan, -2], equal_nan=True
    )
    assert tables.read_codes(path, t, "c", ("b", "a")).tolist() == [1, 0, 1]
    assert tables.read_ids(path, t, "i").tolist() == ["1", "02", "3"]
    assert tables.read_times(path, t, "w", missing=True).isna().tolist() == [False, False, True]
    for call, message in (
        (lambda: tables.read_numbers(path, t, "n"), "row 3, column 'n': ''; expected a number"),
        (
            lambda: tables.read_numbers(path, t, "n", True, 0, 9),
            "row 4, column 'n': '-2'; expected a number from 0 to 9 or nothing",
        ),
        (lambda: tables.read_numbers(path, table(n=["inf"]), "n"), "'inf'; expected a number"),
        (
            lambda: tables.read_codes(path, t, "c", ("a",)),
            "row 3, column 'c': 'b'; expected one of 'a'",
        ),
        (lambda: tables.read_ids(path, table(i=["1.0"]), "i"), "expected a whole number"),
        (lambda: tables.read_times(path, t, "w"), "row 4, column 'w': ''; expected a time"),
        (lambda: tables.read_times(path, table(w=["soon"]), "w", True), "'soon'; expected a time"),
    ):
        with pytest.raises(InputError, match=message):
            call()
