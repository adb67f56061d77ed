"""Rows in columns."""

import pytest

from rollcall.util.text import align_columns, with_article


def test_columns_are_as_wide_as_their_widest_cell():
    assert align_columns([("a", "bc", ""), ("def", "g", "h")]) == "  a    bc\n  def  g   h\n"
    assert align_columns([]) == ""


def test_rows_have_as_many_cells():
    with pytest.raises(ValueError, match="zip"):
        align_columns([("a", "b"), ("c",)])


@pytest.mark.parametrize(
    ("article", "words"),
    [
        ("an", "image, eye, ECG, exam, MRI, X-ray, ulcer, hour, OCT, H&E, ultrasound, ICU, int"),
        ("a", "patient, lesion, unit, user, CT, US, European, one-off, visit, uterus, U-net"),
        ("an", "8-bit, 11, 18, 80"),
        ("a", "110, 1, 2024"),
    ],
)
def test_an_article_goes_by_what_is_spoken(article, words):
    for word in words.split(", "):
        assert with_article(word) == f"{article} {word}"
