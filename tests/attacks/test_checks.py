import numpy as np
import pytest

from rollcall.attacks.checks import check_inputs
from rollcall.util.errors import InputError
from tests.oracles import risk as naive


@pytest.fixture
def inputs():
    scores, members, _ = naive.simulate(np.random.default_rng(1), 8, np.ones(20, int))
    return scores, members


def test_what_fits_is_returned_as_float32_or_float64(inputs):
    scores, members = inputs
    for kind, expected in (("f2", "f8"), ("f4", "f4"), ("f8", "f8"), ("i8", "f8")):
        checked, same, paired = check_inputs(scores.astype(kind), members)
        assert checked.dtype == np.dtype(expected)
        assert (same == members).all()
        assert paired
    members = members.copy()
    members[1, 3] ^= True
    members[4:6, 3] = True, False
    assert not check_inputs(scores, members)[2]


def test_what_does_not_fit_is_refused(inputs):
    scores, members = inputs
    with pytest.raises(InputError, match="differ; expected both"):
        check_inputs(scores[:, :3], members)
    with pytest.raises(InputError, match="6 targets; expected at least 8"):
        check_inputs(scores[:6], members[:6])
    with pytest.raises(InputError, match="members is int64"):
        check_inputs(scores, members.astype(int))
    odd = members.copy()
    odd[:, 4] = np.arange(8) < 2
    with pytest.raises(InputError, match="2 of 8 targets had record 4; expected at least 3"):
        check_inputs(scores, odd)
