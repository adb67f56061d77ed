"""A defence in words: how targets are trained, on how many patients, and what is released."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rollcall.experiments.variants import PLAIN, label_variant, name_run, parse_variant
from rollcall.recipes.privacy import Privacy
from rollcall.util.errors import InputError

OUTPUTS, SHARE = "outputs", "share"  # words of a setting that are none of a recipe
LABEL = "label"  # outputs=label: the top label alone


@dataclass(frozen=True)
class Setting:
    """One setting of a comparison.

    text: as given. variant: the words that say how targets are trained, "plain" if none. share: of
    the patients that there are at all. step: to whose multiples the released probabilities are
    rounded; 0: all digits are; 1: the top label alone.
    """

    text: str
    variant: str
    share: float = 1.0
    step: float = 0.0

    @property
    def run(self) -> str:
        """The name of the setting's run."""
        return name_run(self.text)

    @property
    def trained(self) -> str:
        """The name of the run whose targets it releases."""
        return name_run(self.training)

    @property
    def training(self) -> str:
        """The setting without what it does to outputs, in words."""
        words = [word for word in self.text.split() if not is_word(word, OUTPUTS)]
        return " ".join(words) or PLAIN


def describe_setting(setting: Setting, private: Privacy | None) -> dict:
    """Say what a setting is: setting (in words), kind, unit, epsilon.

    private: of the recipe that its targets are trained by. kind: "plain", "record" or "patient"
    (differential privacy of that unit), "training", "patients" (fewer of them), "outputs". Without
    privacy the unit is "" and epsilon is NaN.
    """
    words = [word for word in setting.variant.split() if word != PLAIN]
    kind, parts = (PLAIN if not words else "training"), []
    if private:
        kind = private.unit
        ends = "clipped, no noise" if math.isinf(private.epsilon) else f"ε {private.epsilon:g}"
        parts.append(f"{private.unit}-level DP, {ends}")
    elif words:
        parts.append(label_variant(" ".join(words)).replace("_", " "))
    if setting.share < 1:
        parts.append(f"{setting.share:.0%} of the patients")
        kind = "patients" if kind == PLAIN else kind
    if setting.step:
        step = setting.step
        parts.append("top label alone" if step == 1 else f"probabilities to {step:g}")
        kind = OUTPUTS if kind == PLAIN else kind
    return {
        "setting": ", ".join(parts) or PLAIN,
        "kind": kind,
        "unit": private.unit if private else "",
        "epsilon": private.epsilon if private else math.nan,
    }


def is_word(word: str, key: str) -> bool:
    """Say whether a word sets a key, as KEY=VALUE or KEY:VALUE."""
    return word.startswith((f"{key}=", f"{key}:"))


def parse_setting(text: str) -> Setting:
    """Read a setting: a variant's words, and "share=0.5" or "outputs=0.01", "outputs=label".

    No words at all are the plain models. InputError for words that are none of these, a key that
    is there twice, or values out of range.
    """
    share, step, rest = 1.0, 0.0, []
    keys = [word.partition("=" if "=" in word else ":") for word in text.split()]
    keys = [key for key, sign, _ in keys if sign]
    if repeated := [key for key in keys if keys.count(key) > 1]:
        raise InputError(f"setting {text!r}: {repeated[0]!r} is there twice; expected it once")
    for word in text.split():
        value = word.partition("=" if "=" in word else ":")[2]
        if is_word(word, OUTPUTS):
            step = _parse_step(text, value)
        elif is_word(word, SHARE):
            share = _parse_number(text, value)
            if not 0 < share < 1:
                raise InputError(f"setting {text!r}: {SHARE} is {value}; expected between 0 and 1")
        else:
            rest.append(word)
    variant = " ".join(rest) or PLAIN
    parse_variant(variant)
    return Setting(text.strip() or PLAIN, variant, share, step)


def _parse_step(text: str, value: str) -> float:
    """Return to what outputs are rounded; 1 for the top label."""
    if value == LABEL:
        return 1.0
    step = _parse_number(text, value)
    if not 0 < step <= 0.5 or abs(round(1 / step) * step - 1) > 1e-9:
        raise InputError(
            f"setting {text!r}: {OUTPUTS} is {value}; expected a part of 1, as 0.01 or 0.1, "
            f"or {LABEL!r}"
        )
    return step


def _parse_number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"setting {text!r}: {value!r} is no number") from None
