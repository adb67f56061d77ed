"""Full size against halves: the design, and factors whose truth is planted."""

import numpy as np
import pytest

from rollcall.experiments.full_size import compare_sizes, draw_left_out, measure_leak
from rollcall.util.errors import InputError

from .simulated_scores import draw_scores


@pytest.mark.parametrize(("rounds", "patients", "parts"), [(4, 100, 20), (3, 47, 20), (5, 31, 2)])
def test_every_patient_is_left_out_once_a_round(rounds, patients, parts):
    members = draw_left_out(rounds, patients, 3, parts)
    out = ~members.reshape(rounds, parts, patients)
    assert (out.sum(1) == 1).all()
    sizes = out.sum(2)
    assert sizes.max() - sizes.min() <= 1
    assert (out[0] != out[1]).any()
    assert (draw_left_out(rounds + 1, patients, 3, parts)[: rounds * parts] == members).all()


def leaks(full_shift: float, seed: int, patients: int = 1000):
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(patients), rng.integers(1, 3, patients))
    shift = rng.exponential(1.0, patients) * (rng.random(patients) < 0.3)
    results = []
    for size, rounds, parts in ((full_shift, 4, 20), (1.0, 7, 2)):
        members = draw_left_out(rounds, patients, seed + parts, parts)
        scores = draw_scores(members, index, size * shift, seed + parts)
        results.append(measure_leak(scores, members, index, parts))
    truth = np.mean(np.bincount(index, shift[index] ** 2))
    return *results, truth


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_a_planted_factor_is_found_whatever_the_design(factor):
    """The noise of both designs is alike; the interval is over patients, two times over."""
    inside = 0
    for seed in range(2):
        full, half, truth = leaks(factor, seed)
        assert full.noise == pytest.approx(half.noise, rel=0.12)
        assert half.shift.mean() == pytest.approx(truth, rel=0.25)
        result = compare_sizes(full, half)["shift"]
        assert result.factor == pytest.approx(factor, abs=0.2)
        inside += result.low <= factor <= result.high
        if factor == 1.0:
            assert compare_sizes(full, half)["caught"].factor == pytest.approx(1, abs=0.25)
        else:
            assert compare_sizes(full, half)["caught"].factor < 0.7
    assert inside >= 1


def test_where_nothing_leaks_a_hundredth_is_caught():
    full, _, _ = leaks(0.0, 5)
    assert full.caught.mean() == pytest.approx(0.01, abs=0.003)
    assert abs(full.shift.mean()) < 0.05


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="expected at least 2"):
        draw_left_out(1, 100)
    members = draw_left_out(3, 60)
    with pytest.raises(InputError, match="at least 4 rounds"):
        measure_leak(np.zeros((60, 60)), members, np.arange(60), 20)
    full, _, _ = leaks(1.0, 1, patients=200)
    _, half, _ = leaks(1.0, 1, patients=300)
    with pytest.raises(InputError, match="the same patients"):
        compare_sizes(full, half)
