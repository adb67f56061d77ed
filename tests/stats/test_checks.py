import numpy as np
import pytest

from rollcall.stats.checks import check_finite, check_members
from rollcall.util.errors import InputError


def test_members_are_a_bool_table():
    members = np.zeros((8, 5), bool)
    assert check_members(members) is members
    for wrong in (members.astype(int), members[0], members[None]):
        with pytest.raises(InputError, match=r"expected a bool array \(targets, patients\)"):
            check_members(wrong, "patients")


@pytest.mark.parametrize("shape", [(8, 5), (8, 5, 3)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_score_that_is_not_finite_is_named(shape, bad):
    scores = np.zeros(shape)
    check_finite(scores, scores.sum(0))
    check_finite(scores, np.array(np.nan))  # sums that overflow are no error of the scores
    scores[4, 2], scores[6, 1] = bad, bad
    with np.errstate(invalid="ignore"):
        sums = scores.sum(0)
    with pytest.raises(InputError, match="target 4, record 2 is NaN or infinite"):
        check_finite(scores, sums)
    with pytest.raises(InputError, match="target 4, record 102 is NaN or infinite"):
        check_finite(scores, sums, 100)
    with pytest.raises(InputError, match="target 4, record 70 is NaN or infinite"):
        check_finite(scores, sums, np.array([90, 80, 70, 60, 50]))
