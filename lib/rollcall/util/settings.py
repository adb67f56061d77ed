"""Settings that a user types as KEY=VALUE, and parameters as papermill or a script gives them."""

from __future__ import annotations

import inspect
import math
import operator
import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from rollcall.util.errors import InputError, unknown_name

P = ParamSpec("P")
R = TypeVar("R")

TRUTH = {"true": True, "false": False}


def parse_settings(kind: str, pairs: list[str], defaults: dict, where: str = "") -> dict:
    """Turn ["key=value" or "key:value", ...] into {key: value of the type that its default has}.

    kind names what is set, for messages, and where what has it ("of cohort 'simulated'"). A
    notebook's parameters cannot hold "=", hence ":". InputError for a pair without a value, an
    unknown key, and a value of another type or without end.
    """
    result = {}
    for pair in pairs:
        key, equals, text = (pair if "=" in pair else pair.replace(":", "=", 1)).partition("=")
        if not equals:
            raise InputError(f"{kind} {pair!r}: expected KEY=VALUE")
        if key not in defaults:
            raise unknown_name(kind, key, defaults, where)
        expected = type(defaults[key])
        try:
            result[key] = TRUTH[text.lower()] if expected is bool else expected(text)
            if expected is float and not math.isfinite(result[key]):
                raise ValueError(text)
        except (ValueError, KeyError):
            example = "true or false" if expected is bool else f"a value like {defaults[key]!r}"
            raise InputError(f"{kind} {key}={text}: expected {example}") from None
    return result


def typed(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of keywords take what papermill makes of a user's words, or refuse in a line.

    By its annotations: 2024 is the text "2024", 64.0 the number 64, one text a list of one. What
    cannot be meant is an InputError, and so is a parameter that it does not have.
    """
    signature = inspect.signature(function)
    parameters = signature.parameters
    takes_others = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())

    @wraps(function)
    def inside(*args: P.args, **given: P.kwargs) -> R:
        for name, value in given.items():
            if name in parameters:
                given[name] = fit_value(name, value, parameters[name].annotation)
            elif not takes_others:
                raise unknown_name("parameter", name, parameters)
        try:
            signature.bind(*args, **given)
        except TypeError as error:
            example = next(iter(reversed(parameters)), "")
            raise InputError(
                f"{function.__name__}: {error}; parameters are given by name, {example}=..."
            ) from None
        return function(*args, **given)

    return inside


def fit_value(name: str, value, kind: str):
    """Return a value as "str", "int", "bool" or "Sequence[str]"; InputError if it is none.

    Of other kinds it is returned as it is. name: of the parameter, for messages.
    """
    expected, fit = FITS.get(kind, ("", lambda value: value))
    try:
        return fit(value)
    except (TypeError, ValueError, KeyError, OverflowError):
        raise InputError(f"{name} is {value!r}; expected {expected}") from None


def _fit_text(value) -> str:
    """Return a text, a path or a whole number as text."""
    if isinstance(value, str):
        return str(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else str(_fit_whole(value))


def _fit_whole(value) -> int:
    """Return a whole number, also one that is written as a text or with a decimal point."""
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) else operator.index(value)


def _fit_number(value) -> float:
    """Return a number with an end, also one that is written as a text."""
    if isinstance(value, bool) or not math.isfinite(float(value)):
        raise TypeError(value)
    return float(value)


def _fit_cohort(value):
    """Return a cohort as it is, and a dataset's name or a folder as text."""
    return value if hasattr(value, "fingerprint") else _fit_text(value)


def _fit_truth(value) -> bool:
    """Return True or False, also where it is written as a text."""
    return TRUTH[value.lower()] if isinstance(value, str) else {True: True, False: False}[value]


def _fit_texts(value) -> list[str]:
    """Return texts as a list; one text is one, and none if it is empty."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict | set):
        raise TypeError(value)
    return [_fit_text(item) for item in value]


FITS: dict[str, tuple[str, Callable]] = {
    "str": ("a text", _fit_text),
    "int": ("a whole number", _fit_whole),
    "str | Cohort": ("the name of a dataset, a folder or a cohort", _fit_cohort),
    "float": ("a number", _fit_number),
    "int | None": (
        "a whole number or None",
        lambda value: None if value is None else _fit_whole(value),
    ),
    "bool": ("true or false", _fit_truth),
    "Sequence[str]": ('a list of texts, ["a", "b"]', _fit_texts),
}
