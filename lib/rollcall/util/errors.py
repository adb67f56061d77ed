"""The one exception that is the user's to mend, and what a user types as KEY=VALUE."""

import difflib


class InputError(ValueError):
    """Bad input, said in one line: what was expected, what came, where, what to do. The command line exits with 2."""


def unknown(kind: str, given: str, allowed) -> InputError:
    """An InputError for a name that is not in `allowed`, with the nearest one as a hint."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(str(given), allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {kind} {given!r}{hint} (known: {', '.join(allowed)})")


def settings(kind: str, pairs: list[str], defaults: dict) -> dict:
    """["key=value" or "key:value", ...] -> {key: value of the type its default has}."""
    result = {}
    for pair in pairs:
        key, equals, text = (pair if "=" in pair else pair.replace(":", "=", 1)).partition(
            "="
        )  # a notebook's parameters cannot hold "="
        if not equals:
            raise InputError(f"{kind} {pair!r}: expected KEY=VALUE")
        if key not in defaults:
            raise unknown(kind, key, defaults)
        kind_of = type(defaults[key])
        try:
            result[key] = (
                {"true": True, "false": False}[text.lower()] if kind_of is bool else kind_of(text)
            )
        except (ValueError, KeyError):
            raise InputError(
                f"{kind} {key}={text}: expected {'true or false' if kind_of is bool else 'a value like ' + repr(defaults[key])}"
            ) from None
    return result
