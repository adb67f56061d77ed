import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from rollcall import attacks
from rollcall.attacks.lira import ratio
from rollcall.attacks.lira.tuning import choose_strength
from rollcall.stats import metrics
from tests.attacks.lira.plainly import moderated_plainly
from tests.attacks.simulation import mean_auc
from tests.oracles import risk as naive


def test_a_row_for_each_attack_and_target():
    scores, members, index = naive.simulate(
        np.random.default_rng(4), 8, np.arange(1, 31) % 3 + 1, shift=1.0
    )
    known = np.random.default_rng(5).standard_normal((len(index), 3))
    got = attacks.run_all(scores, members, index, known)
    names = [*attacks.ATTACKS, attacks.BLIND]
    assert [*zip(got.pooled.attack, got.pooled.variant, strict=True)] == names
    assert len(got.attacks) == len(names) * 8
    for table in (got.attacks, got.pooled):  # what so few records cannot show is not a number
        assert set(table.columns[table.isna().any()]) == {
            *(
                f"{name}_{fpr:g}"
                for fpr in metrics.FPRS[0 if table is got.attacks else 1 :]
                for name in ("tpr_at_fpr", "tpr_low", "tpr_high")
            ),
            "precision_at_prior_0.01",
            "precision_at_prior_0.1",
        }
    row = got.attacks[
        (got.attacks.attack == "LiRA")
        & (got.attacks.variant == "online")
        & (got.attacks.target == 5)
    ].iloc[0]
    attack = partial(ratio.prepare_moderated, True, True)
    strength = choose_strength(attack, scores, members[:, index], paired=True)[5]
    result = moderated_plainly(scores, members[:, index], True, min(strength, 1e6))
    assert row.auc == pytest.approx(
        naive.auc(result[5], members[5, index]), abs=1e-3
    )  # float32 may order near-ties otherwise
    assert row.auc_se == pytest.approx(
        naive.auc_se_clustered(result[5], members[5, index], index), abs=1e-3
    )
    for name, curve in got.roc.groupby(["attack", "variant"]):
        assert curve.tpr.is_monotonic_increasing, name
        assert curve.fpr.is_monotonic_increasing, name
        assert curve.tpr.iloc[-1] == 1, name
    blind = got.pooled[got.pooled.attack == "blind"].iloc[0]
    assert abs(blind.auc - 0.5) < 4 * blind.auc_se
    # nothing known, no blind baseline
    assert attacks.run_all(scores, members, index).pooled.attack.iloc[-1] == "loss"


def test_several_labels_go_through_every_attack():
    rng = np.random.default_rng(6)
    _, members, index = naive.simulate(rng, 16, np.ones(400, int))
    scores = (
        rng.standard_normal((16, 400, 3)) + np.array([0, 1.0, 0]) * members[:, :, None]
    ).astype(np.float32)
    area = attacks.run_all(scores, members, index).pooled.set_index(["attack", "variant"]).auc
    assert (area > 0.6).all()
    assert area["LiRA", "online"] > area["loss", "threshold"]


def test_loss_of_labels_is_the_sum_of_their_losses():
    rng = np.random.default_rng(7)
    scores = rng.standard_normal((8, 5, 4)).astype(np.float32)
    p = 1 / (1 + np.exp(-scores.astype(float)))
    np.testing.assert_allclose(attacks.run_loss_threshold(scores), np.log(p).sum(2), rtol=1e-5)
    assert attacks.run_loss_threshold(scores[:, :, 0]) is not None
    assert (attacks.run_loss_threshold(scores[:, :, 0]) == scores[:, :, 0]).all()


@pytest.mark.parametrize("name", attacks.ATTACKS, ids="-".join)
def test_members_shifted_up_raise_every_attack(name):
    areas = [mean_auc(attacks.ATTACKS[name], 16, 3, 600, shift)[0] for shift in (0.0, 0.5, 2.0)]
    assert areas[1] > 0.5
    assert areas[0] < areas[1] < areas[2]


def test_attacks_take_plain_arrays():
    """They import no cohort, no run, nothing that starts processes, and no torch."""
    code = (
        "import sys; from rollcall import attacks; "
        "heavy = ('rollcall.data', 'rollcall.runs', 'torch', 'multiprocessing.pool'); "
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
