"""Tables of several editions: other names of a column, and what is said when one lacks it."""

import pytest

from rollcall.datasets.parts.editions import read_edition
from rollcall.util.errors import InputError

OTHERS = {"scale": ("type", "skin")}


def table(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("name", ["scale", "type", "skin"])
def test_a_column_is_read_by_any_of_its_names(tmp_path, name):
    path = table(tmp_path, f"id,{name},more\n1,4,x\n")
    read = read_edition(path, ("scale", "id"), "t.csv", other_names=OTHERS, key="id")
    assert read.to_dict("list") == {"scale": ["4"], "id": ["1"]}


def test_the_first_name_wins(tmp_path):
    path = table(tmp_path, "type,scale\n1,2\n")
    assert read_edition(path, ("scale",), "t.csv", other_names=OTHERS)["scale"].tolist() == ["2"]


def test_other_separators_and_optional_columns(tmp_path):
    path = table(tmp_path, '"id"\t"type"\t"more"\n1\t4\tx\n')
    options = {"separator": "\t", "optional": ("more", "less")}
    read = read_edition(path, ("id", "scale"), "t.csv", other_names=OTHERS, **options)
    assert list(read) == ["id", "scale", "more"]


def test_a_missing_column_names_the_editions(tmp_path):
    path = table(tmp_path, "id,tone\n1,4\n")
    with pytest.raises(InputError) as raised:
        read_edition(path, ("id", "scale"), "t.csv of 2021 or 2022", other_names=OTHERS)
    assert str(raised.value) == (
        f"{path}: lacks the column 'scale' (or 'type' or 'skin'); expected the columns of t.csv of "
        "2021 or 2022; it has 'id', 'tone'"
    )
    with pytest.raises(InputError, match=r"lacks the column 'key'; expected the columns of a;"):
        read_edition(path, ("key",), "a")


def test_a_column_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="more than once the column 'id'"):
        read_edition(table(tmp_path, "id,id\n1,2\n"), ("id",), "a")
