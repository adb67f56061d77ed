"""Rankings by few targets: planted leaks, and blindness to a patient's own membership."""

import numpy as np
import pytest

from rollcall.risk.screening.confirming import Count, confirm, count_exposed, pick
from rollcall.risk.screening.moderation import moderate
from rollcall.risk.screening.ranking import measure_plainly, rank_patients
from rollcall.risk.screening.stopping import check_precision, decide, list_looks
from rollcall.stats.members import draw_members
from rollcall.util.errors import InputError


def planted(seed=0, patients=1500, targets=32):
    """Hard patients leak: (scores, members, index, shift of each patient, labels)."""
    rng = np.random.default_rng(seed)
    index = np.sort(np.concatenate([np.arange(patients), rng.integers(0, patients, patients)]))
    hardness = rng.normal(size=patients)
    shift = np.clip(hardness - 1, 0, None) * 1.5
    members = draw_members(targets, patients, seed)
    scores = rng.normal(size=(targets, len(index))) + (shift * members - 2 * hardness)[:, index]
    return scores.astype(np.float32), members, index, shift, (hardness > 0.5).astype(int)


def test_what_is_foretold_knows_nothing_of_the_patients_own_membership():
    """Swap the two targets of a pair for one patient: what is foretold of it stays."""
    scores, members, index, _, _ = planted(patients=300, targets=8)
    ranking = rank_patients(scores, members, index, index % 2)
    swapped = members.copy()
    swapped[2:4, 7] = ~swapped[2:4, 7]
    again = rank_patients(scores, swapped, index, index % 2)
    same_half = ranking.half == ranking.half[7]
    np.testing.assert_allclose(again.foretold[same_half], ranking.foretold[same_half], rtol=1e-4)
    assert abs(again.shift[7] - ranking.shift[7]) > 0.1


def test_eight_targets_with_everything_rank_better_than_plain_ones():
    scores, members, index, shift, _ = planted()
    top = np.argsort(-shift)[:75]
    spread = np.where(members[:, index], np.abs(scores), np.nan)
    few = rank_patients(scores[:8], members[:8], index, spread=spread[:8])
    plain = measure_plainly(scores[:8], members[:8], index).auc

    def share(values):
        return np.isin(np.argsort(-values)[:75], top).mean()

    assert share(few.score) >= share(plain) + 0.1
    assert set(few.weights) == {"shift", "memorisation", "spread"}
    assert min(few.weights.values()) >= 0
    assert np.isfinite(few.score).all()


def test_the_picked_are_named_and_the_order_is_nothing():
    scores, members, index, shift, labels = planted()
    few = rank_patients(scores[:8], members[:8], index)
    picked = pick(few.foretold, few.half)
    assert picked.sum() == round(0.05 * (~few.half).sum()) + round(0.05 * few.half.sum())
    plain = measure_plainly(scores, members, index)
    count, named = count_exposed(
        plain.statistic, members, few.foretold, picked, labels, draws=20_000
    )
    assert count.targets == 32
    assert count.exposed == named.sum() > 40
    assert (shift[picked][named] > 0).mean() > 0.95
    order = np.random.default_rng(1).permutation(len(shift))
    again, _ = count_exposed(
        plain.statistic[:, order], members[:, order], few.foretold[order], picked[order],
        labels[order], draws=20_000,
    )  # fmt: skip
    assert again == pytest.approx(count, rel=1e-5)
    columns, numbers = confirm(plain.statistic, members, few.foretold, picked, labels, draws=20_000)
    assert len(columns["exposed"]) == picked.sum()
    assert abs(numbers["exposed"] - count.exposed) <= 2
    assert numbers["by_chance"] <= 0.1 * count.exposed


def test_moderated_variances_lie_between_their_own_and_the_cohorts():
    rng = np.random.default_rng(0)
    true = 1 / rng.gamma(5, 1 / 5, 20_000)
    squares = true * rng.chisquare(4, 20_000)
    error = [np.log(values / true).std() for values in (squares / 4, moderate(squares, 4))]
    assert error[1] < 0.7 * error[0]
    same = moderate(rng.chisquare(4, 20_000), 4)
    assert same.std() < 0.1


def test_looks_and_stops():
    assert list_looks(64) == [16, 24, 32, 48, 64]
    assert list_looks(20) == [16, 20]
    assert list_looks(8) == [8]
    assert list_looks(200) == [16, 24, 32, 48, 64, 96, 128, 192, 200]
    narrow, wide = Count(24, 100, 95, 105), Count(24, 100, 60, 140)
    assert decide([narrow], 0.1, 64) == "narrow"
    assert decide([wide], 0.1, 64) == ""
    assert decide([wide], 0.1, 24) == "spent"
    assert decide([Count(24, 10, 9.9, 10.1)], 0.1, 64) == ""  # one of so few could decide
    for wrong in (0, -1, 1.1, np.nan):
        with pytest.raises(InputError, match="precision is"):
            check_precision(wrong)
    with pytest.raises(InputError, match="most targets is 9"):
        list_looks(9)
    with pytest.raises(InputError, match="share of 1"):
        pick(np.arange(10.0), np.arange(10) % 2 == 0, 1)
