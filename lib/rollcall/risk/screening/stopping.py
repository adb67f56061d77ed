"""How many targets: looks at a growing audit, and when to stop.

After each look the audit stops if the interval of the number of exposed patients is narrow enough,
or at the most targets that were allowed. Why the names of the last look have the false-discovery
rate of an audit that was planned with as many targets: docs/budget.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from rollcall.risk.screening.confirming import Count
from rollcall.stats.members import MIN_TARGETS
from rollcall.util.errors import InputError

PRECISION = 0.1  # half the interval's width, over the number of exposed patients
MOST_TARGETS = 64
FEWEST_EXPOSED = 20  # below which one patient can decide the stop
LOOKS = (16, 24, 32, 48, 64)  # targets; then half as many again, and twice as many: 96, 128, ...
NARROW, SPENT = "narrow", "spent"


def list_looks(most: int = MOST_TARGETS) -> list[int]:
    """List the numbers of targets at which an audit is looked at, the last of them `most`.

    InputError unless it is even and at least 8.
    """
    if most < MIN_TARGETS or most % 2:
        raise InputError(
            f"most targets is {most}; expected an even number of at least {MIN_TARGETS}: target "
            "models come in complementary pairs"
        )
    looks, step = list(LOOKS), LOOKS[-1]
    while looks[-1] < most:
        looks += [step * 3 // 2, step * 2]
        step *= 2
    return [*(look for look in looks if MIN_TARGETS < look < most), most]


def check_precision(precision: float) -> float:
    """Return a precision; InputError unless it is above 0 and at most 1."""
    if not 0 < precision <= 1:
        raise InputError(
            f"precision is {precision:g}; expected half the width of the interval of the number of "
            "exposed patients over that number, above 0 and at most 1"
        )
    return precision


def decide(counts: Sequence[Count], precision: float, most: int) -> str:
    """Say why to stop after these looks: "narrow", "spent", or "" to go on."""
    last = counts[-1]
    if last.exposed >= FEWEST_EXPOSED and last.half_width <= precision:
        return NARROW
    return SPENT if last.targets >= most else ""
