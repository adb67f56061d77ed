"""What is promised: rate, steps and denominator from the units; the accountant's own epsilon."""

import dataclasses
import math

import numpy as np
import pytest

from rollcall.training.private.terms import Terms, count_units, find_terms, sketch_terms
from rollcall.util.errors import InputError
from tests.training.private.common import RECIPE, members_of, of_records


def test_rate_steps_and_denominator_are_of_patients(tiny, members):
    terms, patients = sketch_terms(RECIPE, tiny), len(tiny.patients)
    assert (terms.unit, terms.units, terms.batch) == ("patient", patients, RECIPE.batch)
    assert terms.rate == RECIPE.batch / (patients / 2)
    assert terms.steps == round(RECIPE.epochs * patients / 2 / RECIPE.batch)
    assert terms.delta == 1 / patients
    expected = [
        terms.rate * len(np.unique(tiny.patient_index[members_of(tiny, members, target)]))
        for target in range(8)
    ]
    np.testing.assert_allclose(expected, terms.batch)


def test_of_records_they_are_of_records(tiny):
    terms = sketch_terms(of_records(accumulate=2), tiny)
    assert (terms.units, terms.batch) == (len(tiny), 2 * RECIPE.batch)
    assert terms.rate == terms.batch / (len(tiny) / 2)
    assert count_units(dataclasses.replace(RECIPE, privacy={}), tiny) == len(tiny)


def test_a_model_of_all_patients_is_drawn_at_half_the_rate(tiny):
    half, whole = sketch_terms(RECIPE, tiny), sketch_terms(RECIPE, tiny, share=1.0)
    assert whole.rate == half.rate / 2
    assert (whole.batch, whole.delta) == (half.batch, half.delta)
    assert abs(whole.steps - 2 * half.steps) <= 1


def test_the_noise_promises_the_epsilon_of_the_accountant(tiny):
    """Asked again, by itself: within 1% and never above what was asked for."""
    from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
    from dp_accounting.pld import PLDAccountant

    terms, epsilon = find_terms(RECIPE, tiny), RECIPE.privacy["epsilon"]
    once = PoissonSampledDpEvent(terms.rate, GaussianDpEvent(terms.noise_multiplier))
    accountant = PLDAccountant()
    accountant.compose(SelfComposedDpEvent(once, terms.steps))
    assert abs(accountant.get_epsilon(terms.delta) / epsilon - 1) < 0.01
    assert 0.99 * epsilon < terms.promised <= epsilon
    assert terms.promised_together == terms.promised
    assert "dp-accounting" in terms.accountant
    assert Terms.from_config(terms.to_config()) == terms


def test_several_settings_and_attempts_promise_less(tiny):
    recipe = dataclasses.replace(RECIPE, privacy=RECIPE.privacy | {"tried": 4})
    terms = find_terms(recipe, tiny)
    assert terms.promised < terms.promised_together < 4 * terms.promised
    assert terms.describe()["epsilon"] == terms.promised
    assert terms.describe(4)["epsilon"] == pytest.approx(terms.promised_together)


def test_without_noise_nothing_is_promised(tiny):
    recipe = dataclasses.replace(RECIPE, privacy=RECIPE.privacy | {"epsilon": math.inf})
    terms = find_terms(recipe, tiny)
    assert (terms.noise_multiplier, terms.promised) == (0, math.inf)
    assert terms.to_config()["promised"] == terms.describe()["epsilon"] == "inf"
    assert Terms.from_config(terms.to_config()) == terms


def test_a_batch_of_more_than_the_members_is_refused(tiny):
    with pytest.raises(InputError, match=r"batch is 31 patients.*expected at most that many"):
        sketch_terms(dataclasses.replace(RECIPE, batch=31), tiny)
    assert sketch_terms(dataclasses.replace(RECIPE, batch=30), tiny).rate == 1


def test_a_delta_that_gives_somebody_away_is_refused(tiny):
    """Of one over the patients or more, one patient's records may be published as they are."""
    patients = len(tiny.patients)

    def sketch(delta):
        privacy = RECIPE.privacy | {"delta": delta}
        return sketch_terms(dataclasses.replace(RECIPE, privacy=privacy), tiny)

    with pytest.raises(InputError, match=rf"delta is 0\.5, and there are {patients} patients"):
        sketch(0.5)
    with pytest.raises(InputError, match="expected at most"):
        sketch(1.01 / patients)
    assert sketch(1 / patients).delta == sketch(0).delta
