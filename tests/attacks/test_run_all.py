import numpy as np
import pandas as pd
import pytest

from rollcall import attacks
from rollcall.data.cohort import Cohort
from tests.oracles import attacks as naive_attacks
from tests.oracles import risk as naive


def test_a_row_for_each_attack_and_target():
    scores, members, index = naive.simulate(
        np.random.default_rng(4), 8, np.arange(1, 31) % 3 + 1, shift=1.0
    )
    known = np.random.default_rng(5).standard_normal((len(index), 3))
    got = attacks.run_all(scores, members, index, known)
    names = [*attacks.ATTACKS, attacks.BLIND]
    assert [*zip(got.pooled.attack, got.pooled.variant)] == names
    assert len(got.attacks) == len(names) * 8
    for table in (got.attacks, got.pooled):  # precision of no alarms is not a number
        assert set(table.columns[table.isna().any()]) <= {
            "precision_at_prior_0.01",
            "precision_at_prior_0.1",
        }
        assert not table.loc[table["tpr_at_fpr_0.001"] > 0].isna().any(axis=None)
    row = got.attacks[
        (got.attacks.attack == "LiRA")
        & (got.attacks.variant == "online")
        & (got.attacks.target == 5)
    ].iloc[0]
    result, _ = naive_attacks.lira(scores, members[:, index], online=True, shared=True)
    assert row.auc == pytest.approx(
        naive.auc(result[5], members[5, index]), abs=1e-3
    )  # float32 may order near-ties otherwise
    assert row.auc_se == pytest.approx(
        naive.auc_se_clustered(result[5], members[5, index], index), abs=1e-3
    )
    for name, part in got.roc.groupby(["attack", "variant"]):
        assert (
            part.tpr.is_monotonic_increasing
            and part.tpr.iloc[-1] == 1
            and part.fpr.is_monotonic_increasing
        ), name
    blind = got.pooled[got.pooled.attack == "blind"].iloc[0]
    assert abs(blind.auc - 0.5) < 4 * blind.auc_se
    assert [*zip(attacks.run_all(scores, members, index).pooled.attack)][-1] == (
        "loss",
    )  # nothing known, no blind baseline


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


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        (np.arange(40 * 16 * 12 * 3).reshape(40, 16, 12, 3).astype(np.uint8), 8 * 8 * 3),
        (np.ones((40, 5, 4, 1), np.uint8), 20),
        (np.random.default_rng(0).standard_normal((40, 100, 12)).astype(np.float16), 24),
        (np.random.default_rng(0).standard_normal((40, 7)).astype(np.float32), 7),
        (np.random.default_rng(0).standard_normal((40, 300)).astype(np.float32), 128),
    ],
)
def test_what_is_known_without_a_model(inputs, size):
    records = pd.DataFrame(
        {
            "patient_id": np.repeat(np.arange(20), 2),
            "sex": pd.Categorical(["f", "m", None, "f"] * 10),
            "finding: a": [True, False] * 20,
        }
    )
    cohort = Cohort(
        "x",
        records,
        inputs,
        np.arange(40) % 3,
        "multiclass",
        ("a", "b", "c"),
        ("sex", "finding: a"),
    )
    got = attacks.compute_features(
        inputs, cohort.labels, 3, cohort.patient_index, records[["sex", "finding: a"]]
    )
    assert got.shape == (40, 3 + 1 + 3 + 2 + size)
    assert got.dtype == np.float32
    assert np.isfinite(got).all()
    assert (got[:, :3].argmax(1) == cohort.labels).all()
    assert got[:, 3] == pytest.approx(np.log(2))
    if inputs.ndim == 4:
        np.testing.assert_allclose(
            got[:, -size:].sum(1), inputs.reshape(40, -1).sum(1, dtype=float), rtol=1e-6
        )
