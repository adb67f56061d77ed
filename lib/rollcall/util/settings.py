"""TODO."""

from rollcall.util.errors import InputError, unknown_name


def parse_settings(kind: str, pairs: list[str], defaults: dict) -> dict:
    """["key=value" or "key:value", ...] -> {key: value of the type its default has}."""
    result = {}
    for pair in pairs:
        key, equals, text = (pair if "=" in pair else pair.replace(":", "=", 1)).partition(
            "="
        )  # a notebook's parameters cannot hold "="
        if not equals:
            raise InputError(f"{kind} {pair!r}: expected KEY=VALUE")
        if key not in defaults:
            raise unknown_name(kind, key, defaults)
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
