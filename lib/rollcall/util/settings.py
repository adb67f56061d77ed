"""Settings that a user types as KEY=VALUE."""

from rollcall.util.errors import InputError, unknown_name

TRUTH = {"true": True, "false": False}


def parse_settings(kind: str, pairs: list[str], defaults: dict) -> dict:
    """Turn ["key=value" or "key:value", ...] into {key: value of the type that its default has}.

    kind names what is set, for messages. A notebook's parameters cannot hold "=", hence ":".
    InputError for a pair without a value, an unknown key, and a value of another type.
    """
    result = {}
    for pair in pairs:
        key, equals, text = (pair if "=" in pair else pair.replace(":", "=", 1)).partition("=")
        if not equals:
            raise InputError(f"{kind} {pair!r}: expected KEY=VALUE")
        if key not in defaults:
            raise unknown_name(kind, key, defaults)
        expected = type(defaults[key])
        try:
            result[key] = TRUTH[text.lower()] if expected is bool else expected(text)
        except (ValueError, KeyError):
            example = "true or false" if expected is bool else f"a value like {defaults[key]!r}"
            raise InputError(f"{kind} {key}={text}: expected {example}") from None
    return result
