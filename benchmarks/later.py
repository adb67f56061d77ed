"""Errors, coverage and power of what is said of later records, by simulation.

`python -m benchmarks.later 60` makes 60 audits of each kind, 240 of them with nothing to find, and
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


def audit(seed, share, shift, targets=TARGETS, drift=0.0):
    """(effects, counts) of an audit and its control; the effects are of "loss" by kind of outcome,
    and of the "difference" of the two splits.
    """
    labels, index, late, remembered = draw_patients(seed, share, drift=drift)
    loss, members, cells = train(seed, labels, index, late, remembered, shift, targets)
    shuffled = shuffle_late(late, index, seed)
    other = train(seed + 10**6, labels, index, shuffled, remembered, shift, targets)
    effects, control = estimate(loss, members, cells), estimate(*other)
    effects["difference"] = contrast(effects["all"], control["all"])
    named = name_patients(loss, members, cells, draws=DRAWS)
    changed = remembered & (stratify(cells, len(remembered)) == KINDS.index(CHANGED))
    return effects, {
        "some patient is named": named.harmed.any() or named.helped.any(),
        "harmed": named.harmed.sum(),
        "helped": named.helped.sum(),
        "share of the harmed who are not": (named.harmed & ~remembered).sum()
        / max(named.harmed.sum(), 1),
        "share found of those who are": (named.harmed & changed).sum() / max(changed.sum(), 1),
    }


def main(rounds):
    """Print, over the audits of each kind, how often intervals miss and what is named."""
    kinds = {"nothing is remembered": (0.0, 0.0, TARGETS, 0.0)}
    kinds |= {
        f"10% remembered by {shift}, {targets} targets": (0.1, shift, targets, 0.0)
        for shift in (1, 2, 3)
        for targets in (16, 32)
    }
    kinds["10% remembered by 2, outcomes drift"] = (0.1, 2, TARGETS, 0.5)
    for kind, (share, shift, targets, drift) in kinds.items():
        seeds = range(rounds if share else 4 * rounds)
        effects, counts = zip(
            *(audit(seed, share, shift, targets, drift) for seed in seeds), strict=True
        )
        print(f"{kind}, {len(seeds)} audits")
        for name in effects[0]:
            truth = np.mean([each[name].mean for each in effects])
            of_0, of_mean = (
                np.mean([misses(each[name], value) for each in effects]) for value in (0, truth)
            )
            print(f"  {name:16s} mean {truth:+.4f}, misses 0 {of_0:.3f}, the mean {of_mean:.3f}")
        for name in counts[0]:
            print(f"  {name:32s} {np.mean([each[name] for each in counts]):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
