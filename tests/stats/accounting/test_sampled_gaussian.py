import math
import subprocess
import sys

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant
from scipy.special import ndtr

from rollcall.stats.accounting import calibrate_noise, compute_epsilon
from rollcall.util.errors import InputError

# Steps, rate and delta of training on half of EMBED and of PTB-XL: 20 epochs at 512, 200 at 1,024.
EMBED = {"delta": 2.85e-6, "rate": 0.00292, "steps": 6860}
PTB_XL = {"delta": 5.1e-5, "rate": 0.1045, "steps": 1800}


def ask_the_accountant(noise, delta, rate, steps):
    accountant = PLDAccountant()
    step = dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise))
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, steps))
    return accountant.get_epsilon(delta)


@pytest.mark.parametrize(
    ("noise", "case"),
    [
        (1.206, EMBED),
        (14.93, PTB_XL),
        (1.0, {"delta": 1e-5, "rate": 0.02, "steps": 300}),
        (4.0, {"delta": 1e-4, "rate": 0.5, "steps": 3}),
        (3.0, {"delta": 1e-5, "rate": 1.0, "steps": 10}),
    ],
)
def test_epsilon_is_the_accountants(noise, case):
    assert compute_epsilon(noise, **case) == pytest.approx(ask_the_accountant(noise, **case), 0.01)


@pytest.mark.parametrize(("epsilon", "noise", "case"), [(10, 2.20, PTB_XL), (1000, 0.133, EMBED)])
def test_noise_of_published_settings(epsilon, noise, case):
    ours = calibrate_noise(epsilon, **case)
    assert ours == pytest.approx(noise, 0.01)
    assert 0.997 * epsilon <= compute_epsilon(ours, **case) <= epsilon


def test_one_gaussian_without_sampling_is_the_closed_form():
    for noise in (0.8, 4.0):
        epsilon = compute_epsilon(noise, 1e-5, 1.0, 1)
        mu = 1 / noise
        delta = ndtr(-epsilon / mu + mu / 2) - math.exp(epsilon) * ndtr(-epsilon / mu - mu / 2)
        assert delta == pytest.approx(1e-5, 0.02)


def test_more_noise_fewer_steps_and_a_lower_rate_promise_more():
    usual = compute_epsilon(1.0, 1e-5, 0.05, 50)
    assert compute_epsilon(1.3, 1e-5, 0.05, 50) < usual
    assert compute_epsilon(1.0, 1e-5, 0.05, 25) < usual
    assert compute_epsilon(1.0, 1e-5, 0.02, 50) < usual
    assert compute_epsilon(1.0, 1e-4, 0.05, 50) < usual


def test_ends():
    assert calibrate_noise(math.inf, 1e-5, 0.1, 100) == 0
    assert compute_epsilon(0, 1e-5, 0.1, 100) == math.inf
    assert compute_epsilon(math.inf, 1e-5, 0.1, 100) == 0
    assert compute_epsilon(1.0, 1e-5, 0.1, 0) == 0
    assert compute_epsilon(1.0, 1e-5, 0.0, 100) == 0
    assert calibrate_noise(3.0, 1e-5, 0.1, 0) == 0
    assert calibrate_noise(3.0, 0.2, 0.1, 1) == 0  # no unit takes part more often than that


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"epsilon": 0}, "epsilon is 0"),
        ({"epsilon": math.nan}, "epsilon is nan"),
        ({"epsilon": 20_000}, "to 10,000, or inf"),
        ({"epsilon": 1e-4}, "from 0.001 to 10,000"),
        ({"delta": 0}, "delta is 0"),
        ({"delta": 1e-15}, "delta is 1e-15; expected at least 1e-12"),
        ({"delta": 1.0}, "delta is 1"),
        ({"rate": 1.5}, "rate is 1.5"),
        ({"rate": -0.1}, "rate is -0.1"),
        ({"steps": -1}, "steps is -1"),
        ({"steps": 2.5}, "steps is 2.5"),
    ],
)
def test_what_is_no_mechanism_is_refused(changed, match):
    with pytest.raises(InputError, match=match):
        calibrate_noise(**{"epsilon": 1.0, "delta": 1e-5, "rate": 0.1, "steps": 10} | changed)


@pytest.mark.parametrize("noise", [0.5, 1.39, 3.7])
def test_records_that_a_step_draws_all_are_one_longer_unit(noise):
    together = compute_epsilon(noise, 1e-5, 1.0, 1, records=4)
    assert together == pytest.approx(compute_epsilon(noise / 4, 1e-5, 1.0, 1), rel=0.01)


def test_noise_below_zero_is_refused():
    with pytest.raises(InputError, match="noise is -1"):
        compute_epsilon(-1, 1e-5, 0.1, 10)


def test_neither_torch_nor_the_accountant_is_loaded_by_the_import():
    code = (
        "import sys, rollcall.stats.accounting; "
        "assert not {'torch', 'dp_accounting'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
