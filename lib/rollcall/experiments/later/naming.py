"""Of which patients it shows that models who knew them are more wrong later, or less wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rollcall.experiments.later.effects import (
    CHANGED,
    KINDS,
    MIXED,
    Cells,
    average_patients,
    estimate_effect,
)
from rollcall.risk.assess import FLOOR_DRAWS
from rollcall.risk.exposed.assess import assess_exposure
from rollcall.risk.exposed.naming import make_strata, name_exposed
from rollcall.risk.noise_floor import draw_noise_floor
from rollcall.risk.record import signed_auc
from rollcall.stats.moments import compute_moments, pair_signs

ROUNDS = 100  # of redrawn memberships, of each of which the mean effect is estimated,
ROUNDS_NAMED = 10  # and in which patients are named
FLOOR_DRAWS_REDRAWN = 200_000
COUNTS = {  # what rollcall.risk.Risk.cohort calls them
    "count": "exposed",
    "low": "exposed_low",
    "high": "exposed_high",
    "by_chance": "by_chance",
    "at_most_false": "at_most_false",
}


@dataclass(frozen=True)
class Named:
    """Patients of whom it shows: harmed and helped bool (P,), and their numbers.

    counts: of "harmed" and "helped" each, count, low, high (95%, as many new models), by_chance and
    at_most_false, as rollcall.risk.Risk.cohort has them for the exposed.
    """

    harmed: np.ndarray
    helped: np.ndarray
    counts: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Redrawn:
    """What remains when a coin says anew which target of each pair knew a patient.

    rounds, missed: how many redrawn audits, and in how many the 95% interval of the mean effect
    misses 0; named: of each of some rounds, the patients named harmed and helped together; effect
    (P,): of the first round, each patient's mean effect, NaN of those without later records.
    """

    rounds: int
    missed: int
    named: list[int]
    effect: np.ndarray


def stratify(cells: Cells, patients: int) -> np.ndarray:
    """Return a code of each patient's later outcomes, (P,): a position in KINDS; -1 of no cell.

    Changed where any is changed, else mixed where any is, else the same.
    """
    code = np.full(patients, -1)
    code[cells.patient] = 0
    for kind in (MIXED, CHANGED):
        number = KINDS.index(kind)
        code[cells.patient[cells.kind == number]] = number
    return code


def sum_losses(loss: np.ndarray, cells: Cells, patients: int) -> np.ndarray:
    """Return each target's mean loss on each patient's later records, float32 (2K, P).

    loss (2K, J), less the target's mean over all with the same outcome. 0 of patients without any.
    """
    label = np.unique(cells.label, return_inverse=True)[1]
    size = np.bincount(label)
    count = np.maximum(np.bincount(cells.patient, minlength=patients), 1)
    out = np.empty((len(loss), patients), np.float32)
    for row, values in zip(out, loss, strict=True):
        level = np.bincount(label, values) / size
        row[:] = np.bincount(cells.patient, values - level[label], patients) / count
    return out


def name_patients(
    loss: np.ndarray,
    members: np.ndarray,
    cells: Cells,
    seed: int = 0,
    draws: int = FLOOR_DRAWS,
) -> Named:
    """Name patients on whose later records models that knew them are more wrong, and less wrong.

    loss (2K, J), members bool (2K, P) in pairs. Either at a false-discovery rate of 5% within the
    patients whose outcomes changed, stayed, or were mixed, by the machinery that names the exposed
    (rollcall.risk.exposed): a patient's mean loss under targets that knew it against those that did
    not, against redrawn coins.
    """
    patients = members.shape[1]
    code = stratify(cells, patients)
    who = np.flatnonzero(code >= 0)
    statistic, inside = sum_losses(loss, cells, patients)[:, who], members[:, who]
    flags, counts = {}, {}
    for name, sign in (("harmed", 1), ("helped", -1)):
        values = sign * statistic
        moments = compute_moments(values, inside)
        auc = signed_auc(moments)
        exposure = assess_exposure(
            values,
            inside,
            moments,
            auc,
            np.zeros(len(who)),
            make_strata(code[who], len(who)),
            draws,
            seed,
        )
        flags[name] = np.zeros(patients, bool)
        flags[name][who] = exposure.patients["exposed"]
        counts[name] = {key: exposure.cohort[column] for key, column in COUNTS.items()}
    return Named(flags["harmed"], flags["helped"], counts)


def redraw(
    difference: np.ndarray,
    loss: np.ndarray,
    members: np.ndarray,
    cells: Cells,
    seed: int = 0,
    rounds: int = ROUNDS,
    rounds_named: int = ROUNDS_NAMED,
) -> Redrawn:
    """Do the same with coins drawn anew: nothing may remain, whatever the models do.

    difference (K, J) of pair_differences, loss (2K, J), members bool (2K, P).
    """
    everything, missed, named = np.ones(len(cells.patient), bool), 0, []
    first = np.full(members.shape[1], np.nan)
    plain = average_patients(difference, np.ones_like(pair_signs(members)), cells, everything)
    code = stratify(cells, members.shape[1])
    who = np.flatnonzero(code >= 0)
    statistic, strata = sum_losses(loss, cells, len(code))[:, who], make_strata(code[who], len(who))
    floor = draw_noise_floor(statistic, -(-FLOOR_DRAWS_REDRAWN // len(who)), seed)
    for number, drawn in enumerate(_draw(members, rounds, seed)):
        by_patient = plain * pair_signs(drawn)
        first = first if number else by_patient.mean(0)
        effect = estimate_effect(by_patient)
        missed += effect.low > 0 or effect.high < 0
        if number < rounds_named:
            auc = signed_auc(compute_moments(statistic, drawn[:, who]))
            either = [
                name_exposed(values, draws, np.zeros(len(who)), strata).exposed
                for values, draws in ((auc, floor), (1 - auc, 1 - floor))
            ]
            named.append(int(np.sum(either)))
    return Redrawn(rounds, int(missed), named, first)


def _draw(members: np.ndarray, rounds: int, seed: int) -> Iterator[np.ndarray]:
    """Yield members with the two targets of each pair exchanged, of each patient by a coin."""
    rng = np.random.default_rng([seed, 17])
    for _ in range(rounds):
        swapped = rng.integers(0, 2, members[0::2].shape, np.int8) == 1
        even = members[0::2] ^ swapped
        yield np.stack([even, ~even], 1).reshape(members.shape)
