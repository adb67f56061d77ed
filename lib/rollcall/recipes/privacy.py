"""What a recipe says of differential privacy: `privacy`, a table of few keys."""

from __future__ import annotations

import math
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Literal, get_args

from rollcall.util.errors import InputError, unknown_name

Unit = Literal["record", "patient"]
PREFIX = "privacy."  # of its keys, where a user types them
EXAMPLE = 'privacy = { unit = "patient", epsilon = 3 }'
# As in rollcall.stats.accounting, which takes longer to load than a list of recipes may; a test
# keeps them one.
LEAST_EPSILON, MOST_EPSILON, SMALLEST_DELTA = 0.001, 10_000, 1e-12
LEAST_CLIP, MOST_CLIP = 1e-6, 1e6  # beyond, what is clipped and the noise leave single precision


@dataclass(frozen=True)
class Privacy:
    """Training with differential privacy (DP-SGD, docs/privacy.md), as a recipe asks for it.

    unit           whose presence is hidden: "patient", with all records, or a "record"
    epsilon        of the training of one target; inf: clipping without noise, no promise
    delta          0: one over the number of units of the audit's pool
    clip           most that the gradient of one unit, summed over its records, can be long
    augmentations  draws of the recipe's augmentation per record and step, averaged in the clip
    tried          settings that were trained with on these data until this one was chosen, this
                   one included; it changes no training, only what is said of all of them together

    InputError, naming the key, if a value is out of its range.
    """

    unit: Unit
    epsilon: float
    delta: float = 0.0
    clip: float = 1.0
    augmentations: int = 1
    tried: int = 1

    def __post_init__(self):
        is_counted = LEAST_EPSILON <= self.epsilon <= MOST_EPSILON or self.epsilon == math.inf
        for name, is_valid, expected in (
            ("unit", self.unit in get_args(Unit), " or ".join(get_args(Unit))),
            (
                "epsilon",
                is_counted,
                f"from {LEAST_EPSILON} to {MOST_EPSILON:,}, or inf: clipping without noise",
            ),
            (
                "delta",
                self.delta == 0 or SMALLEST_DELTA <= self.delta < 1,
                f"at least {SMALLEST_DELTA} and at most one over the units; or 0: that",
            ),
            (
                "clip",
                LEAST_CLIP <= self.clip <= MOST_CLIP,
                f"from {LEAST_CLIP} to {MOST_CLIP:,.0f}",
            ),
            ("augmentations", self.augmentations >= 1, "at least 1"),
            ("tried", self.tried >= 1, "at least 1"),
        ):
            if not is_valid:
                value = getattr(self, name)
                raise InputError(f"recipe: {PREFIX}{name} is {value!r}, expected {expected}")

    def asdict(self) -> dict:
        """Return it as a recipe keeps it, and run.json can: an infinite epsilon as a text."""
        return asdict(self) | ({"epsilon": "inf"} if self.epsilon == math.inf else {})


KINDS = {"str": str, "Unit": str, "float": float, "int": int}
KEYS = {each.name: KINDS[str(each.type)] for each in fields(Privacy)}
NEEDED = [each.name for each in fields(Privacy) if each.default is MISSING]


def read_privacy(table: dict) -> Privacy | None:
    """Read a recipe's table, or what a user typed of it; None of an empty one.

    Numbers may be texts. InputError for a key that there is not, one that is needed and not there,
    and a value that is no number or out of its range.
    """
    if not table:
        return None
    values = {}
    for key, value in table.items():
        if key not in KEYS:
            raise unknown_name("key", key, KEYS, "of a recipe's privacy")
        values[key] = _fit(key, value)
    if lacking := [key for key in NEEDED if key not in values]:
        raise InputError(
            f"recipe: privacy has no {lacking[0]}; it says at least {' and '.join(NEEDED)}: "
            f"{EXAMPLE}, or {PREFIX}{lacking[0]}=... beside the others"
        )
    return Privacy(**values)


def _fit(key: str, value):
    """Return a value as its key has it; InputError for what is no number where one is expected."""
    kind = KEYS[key]
    try:
        if isinstance(value, bool) or (kind is str and not isinstance(value, str)):
            raise ValueError(value)
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        fitted = kind(value)
        if fitted != fitted:
            raise ValueError(value)
    except (ValueError, TypeError, OverflowError):
        expected = {str: "a text", float: "a number", int: "a whole number"}[kind]
        raise InputError(f"recipe: {PREFIX}{key} is {value!r}, expected {expected}") from None
    return fitted
