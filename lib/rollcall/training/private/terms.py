"""The terms of a training with differential privacy: rate, steps, noise, and what they promise."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.recipes.privacy import Privacy
from rollcall.training.batches import count_steps
from rollcall.util.errors import InputError

PRIVACY_KEY = "privacy"  # in run.json
ACCOUNTING = "dp-accounting"  # the package


@dataclass(frozen=True)
class Terms:
    """Everything that the promise of a target's training rests on; constants of the recipe.

    unit               "record" or "patient"
    units              of the pool that targets draw their halves from
    epsilon, delta     as asked for; delta as the recipe says, or one over the units
    clip               most that a unit moves the sum of a step by
    noise_multiplier   standard deviation of the noise on that sum, in clips
    rate               at which a step takes each unit that is a member, by itself
    batch              units that are expected of a step: what the sum is divided by
    steps              of the training
    promised           the epsilon that noise, rate and steps give, at most `epsilon`
    tried, promised_together   settings tried with the same terms, and the epsilon of all of them
    accountant         who says so
    """

    unit: str
    units: int
    epsilon: float
    delta: float
    clip: float
    noise_multiplier: float
    rate: float
    batch: int
    steps: int
    promised: float
    tried: int
    promised_together: float
    accountant: str

    def to_config(self) -> dict:
        """Return the terms as run.json keeps them: an infinite epsilon as a text."""
        return {key: "inf" if value == math.inf else value for key, value in asdict(self).items()}

    @classmethod
    def from_config(cls, config: dict) -> Terms:
        """Read terms back from run.json."""
        return cls(**{key: math.inf if value == "inf" else value for key, value in config.items()})

    def describe(self, attempts: int = 1) -> dict:
        """Say what a target's json does: unit, epsilon, delta, noise; of all attempts together.

        A target that diverged was trained again: its epsilon is of as many trainings.
        """
        epsilon = self.promised if attempts == 1 else _compose(self, attempts)
        return {
            "unit": self.unit,
            "epsilon": "inf" if epsilon == math.inf else epsilon,
            "delta": self.delta,
            "clip": self.clip,
            "noise_multiplier": self.noise_multiplier,
        }


def count_units(recipe: Recipe, cohort: Cohort) -> int:
    """Count what an epoch of a recipe passes over: records, or the units that it keeps private."""
    is_of_patients = recipe.private is not None and recipe.private.unit == "patient"
    return len(cohort.patients) if is_of_patients else int(cohort.trainable.sum())


def find_terms(recipe: Recipe, cohort: Cohort, share: float = 0.5) -> Terms:
    """Find the noise that a recipe's epsilon needs on a cohort: seconds.

    share: of the units that a target trains on, half of them in an audit. Rate and expected batch
    follow from the number of units and this share, and are the same for all targets, whatever
    their halves hold. InputError for a batch of more units than that, or a recipe without privacy.
    """
    from rollcall.stats.accounting import calibrate_noise, compute_epsilon

    terms = sketch_terms(recipe, cohort, share)
    delta, rate, steps = terms.delta, terms.rate, terms.steps
    noise = calibrate_noise(terms.epsilon, delta, rate, steps)
    promised = compute_epsilon(noise, delta, rate, steps)
    together = (
        promised if terms.tried == 1 else compute_epsilon(noise, delta, rate, steps * terms.tried)
    )
    numbers = {
        "noise_multiplier": noise,
        "promised": promised,
        "promised_together": together,
        "accountant": f"{ACCOUNTING} {_find_version()}",
    }
    return Terms(**(asdict(terms) | numbers))


def sketch_terms(recipe: Recipe, cohort: Cohort, share: float = 0.5, noise: float = 1.0) -> Terms:
    """Return terms with a noise that nobody has accounted for: for measurements and tests."""
    private, units = _require(recipe), count_units(recipe, cohort)
    batch = recipe.batch * recipe.accumulate
    members = share * units
    if batch > members:
        raise InputError(
            f"recipe: batch is {batch} {private.unit}s, and a target trains on "
            f"{math.floor(members)} of {units}; expected at most that many: a step takes each at "
            "the rate batch / members"
        )
    if private.delta * units > 1 + 1e-9:
        raise InputError(
            f"recipe: privacy.delta is {private.delta:g}, and there are {units} {private.unit}s; "
            f"expected at most {1 / units:.2g}, one over their number: with more, somebody's "
            "records may be given away as they are. Leave it out"
        )
    nobody = math.nan
    return Terms(
        unit=private.unit,
        units=units,
        epsilon=private.epsilon,
        delta=private.delta or 1 / units,
        clip=private.clip,
        noise_multiplier=noise,
        rate=batch / members,
        batch=batch,
        steps=count_steps(recipe, 2 * members),
        promised=nobody,
        tried=private.tried,
        promised_together=nobody,
        accountant="",
    )


def _compose(terms: Terms, trainings: int) -> float:
    from rollcall.stats.accounting import compute_epsilon

    steps = terms.steps * trainings
    return compute_epsilon(terms.noise_multiplier, terms.delta, terms.rate, steps)


def _require(recipe: Recipe) -> Privacy:
    if recipe.private is None:
        raise InputError(f"recipe of {recipe.model!r} has no privacy; expected one with it")
    return recipe.private


def _find_version() -> str:
    try:
        return version(ACCOUNTING)
    except PackageNotFoundError:  # no noise needs none
        return "not installed"
