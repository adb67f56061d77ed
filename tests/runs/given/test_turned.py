"""Targets whose sign is turned are refused where members show it, said where they do not."""

from pathlib import Path

import numpy as np
import pytest

from rollcall.runs.given.turned import refuse_turned
from rollcall.util.errors import InputError

TARGETS, PATIENTS = 16, 160
PATH = Path("scores.npy")


def make_up(seed: int, leak: float, hard: float = 1.0):
    """Scores (M, P), of which 60 patients leak, and members (M, P)."""
    rng = np.random.default_rng(seed)
    members = np.empty((TARGETS, PATIENTS), bool)
    for pair in range(TARGETS // 2):
        members[2 * pair] = rng.permutation(PATIENTS) < PATIENTS // 2
        members[2 * pair + 1] = ~members[2 * pair]
    scores = rng.normal(size=members.shape) + hard * rng.normal(size=PATIENTS)
    scores[:, :60] += leak * members[:, :60]
    return scores, members


@pytest.mark.parametrize("turned", [range(0, 16, 2), range(8), [2, 5, 6, 9, 13, 15]])
def test_turned_targets_are_refused(turned):
    scores, members = make_up(0, leak=4.0)
    scores[list(turned)] *= -1
    with pytest.raises(InputError, match=f"target .* \\({len(turned)} such targets\\)"):
        refuse_turned(PATH, scores, members)


def test_one_turned_target_is_said():
    scores, members = make_up(0, leak=0.0)
    scores[5] *= -1
    [note] = refuse_turned(PATH, scores, members)
    assert note.startswith("scores of target 5 (1 such")


@pytest.mark.parametrize("leak", [0.0, 4.0, 100.0])
@pytest.mark.parametrize("hard", [0.0, 1.0, 100.0])
def test_honest_scores_are_left_alone(leak, hard):
    for seed in range(10):
        assert refuse_turned(PATH, *make_up(seed, leak, hard)) == []


def test_without_noise_nothing_is_said():
    _, members = make_up(0, 0.0)
    assert refuse_turned(PATH, 5.0 * members, members) == []
    assert refuse_turned(PATH, np.full(members.shape, 3.0), members) == []
