"""A release whose truth is known: scores of one model and of references, without any training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rollcall.stats.members import draw_members


class Simulated(NamedTuple):
    released: np.ndarray
    references: np.ndarray
    reference_members: np.ndarray
    index: np.ndarray
    members: np.ndarray  # as check_release takes them: members, and suspects who were none
    features: np.ndarray
    label: np.ndarray
    traced: np.ndarray  # bool (P,): a member whom the model remembers


def simulate(
    seed: int,
    patients: int = 900,
    leak: float = 2.5,
    shifted: float = 0.0,
    suspects: float = 0.2,
    references: int = 16,
    heavy: bool = True,
) -> Simulated:
    """A fifth of the patients are such as a model remembers, more or less.

    shifted: how far the outsiders' features (and so how hard they are) lie from the members', in
    standard deviations: another hospital. suspects: share of the outsiders who count as members
    though they were none. heavy: scores have the tails of Student's t with 4 degrees of freedom.
    """
    rng = np.random.default_rng([seed, 5])
    index = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    n = len(index)
    drawn = rng.random(patients) < 0.5
    claimed = drawn | (rng.random(patients) < suspects)
    features = rng.standard_normal((n, 6)) + (shifted * ~claimed)[index][:, None]
    label = (features[:, 0] + rng.standard_normal(n) > 0).astype(int)
    hard = features @ rng.standard_normal(6) * 0.5 + 2 * label
    remembered = rng.random(patients) < 0.2
    shift = (remembered * rng.exponential(leak, patients))[index]
    spread = np.exp(0.4 * rng.standard_normal(n))
    noise = (
        rng.standard_t(4, (references + 1, n)) if heavy else rng.normal(size=(references + 1, n))
    )
    reference_members = draw_members(references, patients, seed)
    kinds = np.concatenate([drawn[None], reference_members])[:, index]
    scores = hard + spread * (kinds * shift + noise)
    scores[0] = 0.7 + 1.3 * scores[0]  # a model more confident than its references
    return Simulated(
        scores[0].astype(np.float32),
        scores[1:].astype(np.float32),
        reference_members,
        index,
        claimed,
        features.astype(np.float32),
        label,
        drawn & remembered,
    )


def check(case: Simulated, **options):
    from rollcall.experiments.release import check_release

    return check_release(*case[:5], features=case.features, label=case.label, **options)


def false_share(case: Simulated, result) -> float:
    """The share of the named whom the model does not remember: outsiders among the suspects too."""
    named = result.patients["named"].to_numpy()
    return float((named & ~case.traced).sum() / max(1, named.sum()))
