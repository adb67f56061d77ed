"""The two figures of the first page: as many icons as there are, no count that is hidden."""

import numpy as np
import pytest

from rollcall.report.figures.first import draw_icons, draw_rates, list_rates
from tests.report.words.test_sentences import NOBODY, find, groups

RATES = {"patients": 500.0, "exposed_low": 0.09, "exposed_high": 0.15}


def dots(figure):
    """Dark, hollow and light dots of an icon array."""
    return [len(part.get_offsets()) for part in figure.drawing.axes[0].collections]


@pytest.mark.parametrize(
    ("risk", "patients", "expected"),
    [
        ({}, 2000, [42, 2, 956]),  # 89 of 2,000: 44.5, of which 1.7 by chance
        ({"exposed": 2000, "by_chance": 0}, 2000, [1000, 0, 0]),
        ({"exposed": 1995, "by_chance": 3}, 2000, [1000, 0, 0]),
        ({"exposed": 50, "by_chance": 2}, 100_000, [5, 0, 9995]),
        ({"exposed": 3}, 2000, [0, 4, 996]),  # at most 9 of 2,000
        ({"exposed": 9}, 2000, [0, 4, 996]),
        (NOBODY, 2000, [0, 4, 996]),
        (NOBODY | {"exposed_high": 30.0}, 2000, [0, 15, 985]),
        ({"exposed": 3}, 500_000, [0, 1, 9999]),
    ],
)
def test_icons_stand_for_patients(risk, patients, expected):
    figure = draw_icons(find(risk, patients=patients))
    assert dots(figure) == expected
    size = sum(expected)
    assert f"every {size:,} patients" in figure.alt
    assert figure.caption[-1] == "."


def test_less_than_one_icon_by_chance_is_not_none():
    risk = {"exposed": 4566, "by_chance": 30.4, "exposed_low": 4193.0, "exposed_high": 4964.0}
    alt = draw_icons(find(risk, patients=71_518)).alt
    assert alt.startswith("Icon array of 1,000 patients: 64 of every 1,000")
    assert alt.endswith(" fewer than 1 of these by chance.")


@pytest.mark.parametrize(
    "findings",
    [
        find(NOBODY | {"power_99": 0.5}),
        find(NOBODY | {"power_99": 0.1}, targets=8),
        find(control="failed"),
    ],
)
def test_where_nothing_is_known_nothing_is_drawn(findings):
    assert draw_icons(findings) is None
    assert draw_rates(findings) is None


def test_the_groups_that_differ_beyond_chance_come_first():
    table = groups(
        RATES | {"group": "far", "exposed_share": 0.5, "p_adjusted": 0.5},
        RATES | {"group": "clear"},
        RATES | {"group": "hidden", "exposed_share": np.nan},
        RATES | {"group": "outcome", "is_outcome": True},
        RATES | {"group": "crossed", "intersection": True},
        *(
            RATES | {"group": f"near {n}", "exposed_share": 0.05 + n / 1000, "p_adjusted": 1.0}
            for n in range(9)
        ),
    )
    rates = list_rates(find(groups=table))
    assert len(rates) == 5
    names = list(rates["name"])
    assert {"race: clear", "race: far", "race: near 8"} <= set(names)
    assert not {"race: hidden", "race: outcome", "race: crossed"} & set(names)
    assert list(rates["share"]) == sorted(rates["share"], reverse=True)
    figure = draw_rates(find(groups=table))
    assert "race: clear 12 (9.0 to 15); " in figure.alt
    assert "of all patients 4.5" in figure.alt
    assert round(figure.drawing.get_figwidth() * 25.4) == 89


def test_without_groups_there_is_no_rate():
    assert not len(list_rates(find(groups=None)))
    assert not len(list_rates(find({"exposed": 4}, groups=groups(RATES))))
    assert draw_rates(find(groups=groups(RATES | {"exposed_low": np.nan}))) is None
