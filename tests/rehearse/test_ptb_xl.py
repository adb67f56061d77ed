"""Simulated electrocardiograms."""

import numpy as np
import pytest

from rollcall.datasets.ptb_xl import DUPLICATES, LEADS
from rollcall.rehearse.ptb_xl import SHARES, draw_ecg, write


def ecg(shown=("NORM",), patient=1, record=2):
    return draw_ecg(set(shown), np.random.default_rng(patient), np.random.default_rng(record))


def test_limb_leads_follow_from_the_first_two():
    signal = ecg().astype(float)
    assert signal.shape == (5_000, len(LEADS))
    assert np.ptp(signal[:, 0]) > 500  # microvolts
    one, two = signal[:, 0], signal[:, 1]
    for lead, expected in (
        ("III", two - one),
        ("AVR", -(one + two) / 2),
        ("AVL", one - two / 2),
        ("AVF", two - one / 2),
    ):
        # what differs is the drift, 50 microvolts, and each lead's own noise, 20 on average
        assert np.abs(signal[:, LEADS.index(lead)] - expected).max() < 300, lead


@pytest.mark.parametrize("name", [name for name in SHARES if name != "NORM"])
def test_a_class_has_a_shape_of_its_own(name):
    assert np.abs(ecg([name]).astype(float) - ecg()).max() > 100


def test_the_numbers_of_duplicates_are_left_out(tmp_path):
    write(tmp_path, 130, seed=0)
    numbers = {int(path.stem[:5]) for path in tmp_path.glob("records100/*/*.hea")}
    assert max(numbers) > max(DUPLICATES[:7])
    assert not numbers & set(DUPLICATES)
