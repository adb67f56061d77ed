from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rollcall.util.errors import InputError
from rollcall.util.settings import parse_settings, typed

DEFAULTS = {"size": 64, "rate": 0.1, "rules": "default", "leak": True}


def test_a_value_has_the_type_of_its_default():
    pairs = ["size=32", "rate=1", "rules=paper", "leak=False"]
    assert parse_settings("option", pairs, DEFAULTS) == {
        "size": 32,
        "rate": 1.0,
        "rules": "paper",
        "leak": False,
    }
    assert parse_settings("option", [], DEFAULTS) == {}


def test_a_colon_serves_where_an_equals_sign_cannot_stand():
    assert parse_settings("option", ["size:32"], DEFAULTS) == {"size": 32}
    assert parse_settings("option", ["rules=a:b"], DEFAULTS) == {"rules": "a:b"}
    assert parse_settings("option", ["rules:a:b"], DEFAULTS) == {"rules": "a:b"}


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("size", "option 'size': expected KEY=VALUE"),
        ("sise=32", "unknown option 'sise'; did you mean 'size'?"),
        ("size=big", "option size=big: expected a value like 64"),
        ("rate=", r"option rate=: expected a value like 0\.1"),
        ("leak=1", "option leak=1: expected true or false"),
    ],
)
def test_what_is_wrong_is_named(pair, message):
    with pytest.raises(InputError, match=message):
        parse_settings("option", [pair], DEFAULTS)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_a_number_has_an_end(text):
    with pytest.raises(InputError, match=f"option rate={text}: expected a value like 0.1"):
        parse_settings("option", [f"rate={text}"], DEFAULTS)


def test_what_has_a_setting_is_named_behind_it():
    with pytest.raises(InputError, match="unknown option 'sise' of cohort 'x'; did you mean"):
        parse_settings("option", ["sise=32"], DEFAULTS, "of cohort 'x'")


@typed
def take(*, run: str = "", targets: int = 8, leak: bool = True, recipe: Sequence[str] = ()):
    """Give back what it was given, as a notebook's plan would take it."""
    return run, targets, leak, recipe


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"run": 2024}, ("2024", 8, True, ())),
        ({"run": np.int64(7)}, ("7", 8, True, ())),
        ({"run": Path("a/b")}, ("a/b", 8, True, ())),
        ({"targets": 64.0}, ("", 64, True, ())),
        ({"targets": "64"}, ("", 64, True, ())),
        ({"targets": np.int32(64)}, ("", 64, True, ())),
        ({"leak": "False"}, ("", 8, False, ())),
        ({"leak": 1}, ("", 8, True, ())),
        ({"recipe": "epochs=3"}, ("", 8, True, ["epochs=3"])),
        ({"recipe": ""}, ("", 8, True, [])),
        ({"recipe": ("paper", 3)}, ("", 8, True, ["paper", "3"])),
    ],
)
def test_what_papermill_makes_of_words_is_taken_as_it_was_meant(given, taken):
    assert take(**given) == taken


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"run": 20.5}, "run is 20.5; expected a text"),
        ({"run": True}, "run is True; expected a text"),
        ({"run": None}, "run is None; expected a text"),
        ({"run": ["a"]}, r"run is \['a'\]; expected a text"),
        ({"targets": True}, "targets is True; expected a whole number"),
        ({"targets": 8.5}, "targets is 8.5; expected a whole number"),
        ({"targets": float("inf")}, "targets is inf; expected a whole number"),
        ({"targets": "many"}, "targets is 'many'; expected a whole number"),
        ({"leak": "perhaps"}, "leak is 'perhaps'; expected true or false"),
        ({"leak": 2}, "leak is 2; expected true or false"),
        ({"recipe": {"epochs": 3}}, "recipe is {'epochs': 3}; expected a list of texts"),
        ({"recipe": 3}, "recipe is 3; expected a list of texts"),
        ({"recipe": [None]}, r"recipe is \[None\]; expected a list of texts"),
        ({"rnu": "a"}, "unknown parameter 'rnu'; did you mean 'run'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(given, message):
    with pytest.raises(InputError, match=f"^{message}") as raised:
        take(**given)
    assert "\n" not in str(raised.value)


@typed
def ask(*, cohort: str | Cohort, top: float = 0.5, workers: int | None = None):  # noqa: F821
    """Give back what it was given."""
    return cohort, top, workers


def test_cohorts_numbers_and_none():
    assert ask(cohort=7, top="0.1", workers="2") == ("7", 0.1, 2)
    made = SimpleNamespace(fingerprint="f")
    assert ask(cohort=made, top=1) == (made, 1.0, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cohort": 5.5}, "cohort is 5.5; expected the name of a dataset, a folder or a cohort"),
        ({"cohort": None}, "cohort is None; expected the name"),
        ({"cohort": "a", "top": "big"}, "top is 'big'; expected a number"),
        ({"cohort": "a", "top": float("nan")}, "top is nan; expected a number"),
        ({"cohort": "a", "workers": "two"}, "workers is 'two'; expected a whole number or None"),
        ({}, "ask: missing a required.* argument: 'cohort'; parameters are given by name"),
    ],
)
def test_what_they_cannot_be(given, message):
    with pytest.raises(InputError, match=f"^{message}"):
        ask(**given)


def test_what_is_not_given_by_name_is_refused_in_a_line():
    with pytest.raises(InputError, match=r"^take: too many positional arguments; .* by name"):
        take("a run")


def test_a_typed_function_keeps_its_signature():
    assert list(inspect.signature(take).parameters) == ["run", "targets", "leak", "recipe"]
    assert take() == ("", 8, True, ())
