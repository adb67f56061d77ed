"""Settings in words: what is trained, on how many patients, what is released."""

import math

import pytest

from rollcall.experiments.defence.settings import describe_setting, parse_setting
from rollcall.recipes.privacy import Privacy
from rollcall.util.errors import InputError


@pytest.mark.parametrize(
    ("text", "run", "trained", "words", "kind"),
    [
        ("plain", "plain", "plain", "plain", "plain"),
        ("epochs:5", "epochs-5", "epochs-5", "epochs 5", "training"),
        ("weight_decay=1", "weight_decay-1", "weight_decay-1", "weight decay 1", "training"),
        ("outputs:0.01", "outputs-0.01", "plain", "probabilities to 0.01", "outputs"),
        ("outputs=label", "outputs-label", "plain", "top label alone", "outputs"),
        ("share:0.5", "share-0.5", "share-0.5", "50% of the patients", "patients"),
        (
            "epochs:5 outputs:0.1",
            "epochs-5-outputs-0.1",
            "epochs-5",
            "epochs 5, probabilities to 0.1",
            "training",
        ),
    ],
)
def test_a_setting_names_its_run_and_what_it_releases(text, run, trained, words, kind):
    setting = parse_setting(text)
    assert (setting.run, parse_setting(setting.training).run) == (run, trained)
    assert setting.trained == trained
    said = describe_setting(setting, None)
    assert (said["setting"], said["kind"], said["unit"]) == (words, kind, "")
    assert math.isnan(said["epsilon"])


def test_privacy_is_told_by_unit_and_epsilon():
    setting = parse_setting("privacy.unit:patient privacy.epsilon:3 epochs:5 batch:1024")
    assert setting.run == "unit-patient-epsilon-3-epochs-5-batch-1024"
    said = describe_setting(setting, Privacy("patient", 3))
    assert said["setting"] == "patient-level DP, ε 3"
    assert (said["kind"], said["epsilon"]) == ("patient", 3)
    assert describe_setting(setting, Privacy("record", math.inf))["setting"] == (
        "record-level DP, clipped, no noise"
    )


@pytest.mark.parametrize(
    "text", ["outputs:0.3", "outputs:0", "outputs:few", "share:0", "share:1.5", "a b"]
)
def test_wrong_settings_are_refused(text):
    with pytest.raises(InputError):
        parse_setting(text)


@pytest.mark.parametrize(
    "text",
    ["outputs=label outputs=0.1", "share=0.5 share:0.6", "privacy.epsilon:3 x privacy.epsilon=5"],
)
def test_a_key_twice_in_a_setting_is_refused(text):
    """The last would count, and the run's name would say both."""
    with pytest.raises(InputError, match="is there twice"):
        parse_setting(text)


def test_a_setting_without_words_is_the_plain_models():
    assert parse_setting("  ") == parse_setting("plain")
