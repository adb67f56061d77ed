"""Rows in columns."""

import pytest

from rollcall.util.text import align_columns


def test_columns_are_as_wide_as_their_widest_cell():
    assert align_columns([("a", "bc", ""), ("def", "g", "h")]) == "  a    bc\n  def  g   h\n"
    assert align_columns([]) == ""


def test_rows_have_as_many_cells():
    with pytest.raises(ValueError, match="zip"):
        align_columns([("a", "b"), ("c",)])
