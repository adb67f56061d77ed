"""Names are measured: shortened in the middle or broken into lines, they fit where they stand."""

import pytest
from matplotlib.textpath import TextPath

from rollcall.report import typeface

LONG = (
    "long " * 30 + ": yes",
    "A" * 40 + " " + "B" * 40,
    "x" * 150,
    "chest_x_ray_posterior_anterior",
)


def test_a_width_is_about_that_of_the_drawn_text():
    path = typeface.FONTS / "LiberationSans-Regular.ttf"
    for text in ("AfricanAmerican", "never within 30 days", "[70-80)", "WWWWiiii"):
        drawn = TextPath((0, 0), text, size=7, prop={"fname": str(path)})
        assert typeface.measure(text, 7) == pytest.approx(
            drawn.get_extents().width / 72 * 25.4, 0.08
        )


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("width", [10, 20, 32])
def test_what_is_too_long_loses_its_middle_and_keeps_its_ends(name, width):
    short = typeface.shorten(name, width, 7)
    assert typeface.measure(short, 7) <= width
    assert " … " in short
    head, tail = short.split(" … ")
    assert name.startswith(head)
    assert name.endswith(tail)


def test_two_names_that_begin_alike_stay_two():
    pair = ["long " * 20 + ": no", "long " * 20 + ": yes"]
    assert len({typeface.shorten(name, 30, 7) for name in pair}) == 2
    assert typeface.shorten("  two \n words ", 30, 7) == "two words"


@pytest.mark.parametrize("name", [*LONG, "", "two words"])
def test_lines_are_no_wider_than_they_may_be(name):
    lines = typeface.wrap(name, 20, 7)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    assert all(typeface.measure(line, 7) <= 20 for line in lines)
    few = typeface.wrap(name, 20, 7, most=2)
    assert 1 <= len(few) <= 2
    assert all(typeface.measure(line, 7) <= 20 for line in few)
