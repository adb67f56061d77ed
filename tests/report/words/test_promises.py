import math

import pytest

from rollcall.report.words.promises import NOTHING, describe_refuted, describe_strongest, round_up
from rollcall.stats.accounting import compute_epsilon

TERMS = {
    "unit": "patient",
    "promised": 2.9981,
    "promised_together": 6.31,
    "delta": 1.4e-5,
    "tried": 1,
    "noise_multiplier": 2.0,
    "rate": 0.1,
    "steps": 20,
}
RECORD = TERMS | {"unit": "record"}


def test_of_patients_it_is_the_promise():
    assert describe_strongest(TERMS, 40) == "epsilon 3 at delta 1.4e-05"
    several = "epsilon 6.31 at delta 1.4e-05, of all 4 settings that were tried together"
    assert describe_strongest(TERMS | {"tried": 4}, 40) == several


def test_of_records_it_is_that_of_all_of_a_patients_records():
    epsilon = compute_epsilon(2.0, 1.4e-5, 0.1, 20, records=5)
    said = describe_strongest(RECORD, 4, "lesion")
    assert said == f"epsilon {epsilon:.3g} at delta 1.4e-05 of a lesion with up to 5 records"
    one = describe_strongest(RECORD, 1)
    assert "with up to 1 record" in one


def test_what_says_nothing_is_called_so():
    assert describe_strongest(None, 3) == NOTHING
    assert "there is no noise" in describe_strongest(TERMS | {"promised": "inf"}, 3)
    many = describe_strongest(RECORD | {"noise_multiplier": 0.7}, 80)
    assert many.endswith("so large that it keeps nobody from being told")
    everybody = describe_strongest(RECORD | {"rate": 1.0, "noise_multiplier": 0.1}, 1000)
    assert (
        everybody == "none of a patient with up to 1,000 records: the promise is to single records"
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 10, 11, 30, 31, 50, 99, 100, 101, 7001])
def test_a_patients_number_of_records_is_rounded_up(count):
    rounded = round_up(count)
    assert count <= rounded <= 2 * count
    assert rounded / 10 ** math.floor(math.log10(rounded)) in (1, 2, 3, 5)


RISK = {
    "refuted": 1.8256,
    "refuted_delta": 1e-5,
    "refuted_targets": 28.0,
    "refuted_right": 447.0,
    "refuted_guesses": 448.0,
    "refuted_canaries": 1792.0,
}


def test_what_is_refuted_says_bound_confidence_and_models():
    said = describe_refuted(RISK, None, 64, "lesion")
    assert said.startswith(
        "every epsilon below 1.83 at delta 1e-05, of one lesion added or removed"
    )
    for words in (
        "one-run bound",
        "Steinke",
        "95% confidence",
        "28 of the 64 models",
        "448 guesses",
    ):
        assert words in said


def test_what_is_refuted_is_set_beside_the_promise():
    kept = describe_refuted(RISK, TERMS, 64)
    assert kept.endswith("the 3 that is promised is not refuted")
    broken = describe_refuted(RISK | {"refuted": 3.2}, TERMS, 64)
    assert "MORE than the 3 that is promised" in broken
    assert "promised" not in describe_refuted(RISK, RECORD, 64)


def test_no_bound_is_none():
    assert describe_refuted({}, None, 16) == ""
    assert describe_refuted({"refuted": math.nan}, None, 16) == ""
    assert describe_refuted(RISK | {"refuted": 0.0}, None, 64).startswith("none: ")
