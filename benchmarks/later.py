"""Errors, coverage and power of what is said of later records, by simulation.

`python -m benchmarks.later 300 20` makes 300 audits of each kind, names patients in 20 of each, and
prints what docs/later.md says of them.
"""

from __future__ import annotations

import sys

import numpy as np

from rollcall.experiments.later.effects import (
    CHANGED,
    KINDS,
    average_patients,
    contrast,
    estimate_effect,
    list_cells,
    pair_differences,
)
from rollcall.experiments.later.naming import name_patients, stratify
from rollcall.experiments.later.splitting import shuffle_late
from rollcall.stats.members import draw_members
from rollcall.stats.moments import pair_signs

TARGETS, PATIENTS, DRAWS = 16, 500, 50_000


def draw_patients(seed, share, patients=PATIENTS, drift=0.0):
    """(labels, index, late, remembered): 2 to 5 records each, whose outcomes are exchangeable.

    A share of the patients is remembered. drift: the chance that an outcome in the later half is
    the other one than it would have been; then the outcomes are not exchangeable.
    """
    rng = np.random.default_rng([seed, 1])
    index = np.repeat(np.arange(patients), rng.integers(2, 6, patients))
    count = np.bincount(index)
    place = np.arange(len(index)) - (np.cumsum(count) - count)[index]
    late = place >= (count[index] + 1) // 2
    labels = (rng.random(len(index)) < rng.beta(1, 1, patients)[index]).astype(int)
    labels = np.where(late & (rng.random(len(index)) < drift), 1 - labels, labels)
    return labels, index, late, rng.random(patients) < share


def train(seed, labels, index, late, remembered, shift, targets=TARGETS):
    """(loss, members, cells): of targets drawn towards what they remember by `shift` in log odds.

    A remembered patient's later log odds move by `shift` times the mean of the early outcomes, as
    -1 and 1. Models have levels of their own, records a level and noise of one standard deviation.
    """
    rng = np.random.default_rng([seed, 2])
    members = draw_members(targets, len(remembered), seed)
    before = np.bincount(index[~late], 2 * labels[~late] - 1) / np.bincount(index[~late])
    logits = 1.5 * rng.standard_normal(len(remembered))[index] + 0.7 * (2 * labels - 1)
    logits = logits + 0.3 * rng.standard_normal((targets, 1))
    logits = logits + rng.standard_normal((targets, len(index)))
    logits += (shift * members * remembered * before)[:, index]
    cells = list_cells(labels, late, index)
    loss = np.logaddexp(0, -(2 * labels - 1) * logits)[:, cells.record]
    return loss.astype(np.float32), members, cells


def estimate(loss, members, cells):
    """Each kind's effect, and "all"."""
    difference, signs = pair_differences(loss, cells), pair_signs(members)
    chosen = {kind: cells.kind == number for number, kind in enumerate(KINDS)}
    chosen["all"] = np.ones(len(cells.kind), bool)
    return {
        kind: estimate_effect(average_patients(difference, signs, cells, mask))
        for kind, mask in chosen.items()
    }


def misses(effect, truth=0.0):
    """Whether a 95% interval misses the truth."""
    return bool(effect.low > truth or effect.high < truth)


def compare(seed, share, shift, targets=TARGETS, drift=0.0):
    """The effects by kind of outcome, and the "difference" of the splits in time and by chance."""
    labels, index, late, remembered = draw_patients(seed, share, drift=drift)
    effects = estimate(*train(seed, labels, index, late, remembered, shift, targets))
    shuffled = shuffle_late(late, index, seed)
    other = train(seed + 10**6, labels, index, shuffled, remembered, shift, targets)
    return effects | {"difference": contrast(effects["all"], estimate(*other)["all"])}


def name(seed, share, shift, targets=TARGETS, drift=0.0):
    """How many patients are named, and whether they are remembered."""
    labels, index, late, remembered = draw_patients(seed, share, drift=drift)
    loss, members, cells = train(seed, labels, index, late, remembered, shift, targets)
    named = name_patients(loss, members, cells, draws=DRAWS)
    changed = remembered & (stratify(cells, len(remembered)) == KINDS.index(CHANGED))
    return {
        "some patient is named": named.harmed.any() or named.helped.any(),
        "harmed": named.harmed.sum(),
        "helped": named.helped.sum(),
        "share of the harmed who are not": (named.harmed & ~remembered).sum()
        / max(named.harmed.sum(), 1),
        "share found of those who are": (named.harmed & changed).sum() / max(changed.sum(), 1),
    }


def main(rounds=300, rounds_named=20):
    """Print, over the audits of each kind, how often intervals miss and what is named."""
    kinds = {"nothing is remembered": (0.0, 0.0, TARGETS, 0.0)}
    kinds |= {
        f"10% remembered by {shift}, {targets} targets": (0.1, shift, targets, 0.0)
        for shift in (1, 2, 3)
        for targets in (16, 32)
    }
    kinds["10% remembered by 2, outcomes drift"] = (0.1, 2, TARGETS, 0.5)
    for kind, planted in kinds.items():
        print(f"{kind}, {rounds} and {rounds_named} audits")
        effects = [compare(seed, *planted) for seed in range(1000, 1000 + rounds)]
        for key in effects[0]:
            truth = np.mean([each[key].mean for each in effects])
            of_0, of_mean = (
                np.mean([misses(each[key], value) for each in effects]) for value in (0, truth)
            )
            print(f"  {key:16s} mean {truth:+.4f}, misses 0 {of_0:.3f}, the mean {of_mean:.3f}")
        counts = [name(seed, *planted) for seed in range(rounds_named)]
        for key in counts[0]:
            print(f"  {key:32s} {np.mean([each[key] for each in counts]):.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
