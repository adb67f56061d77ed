"""The one exception that is the user's to mend, and what a user types as KEY=VALUE."""

import difflib


class InputError(ValueError):
    """Bad input, said in one line: what was expected, what came, where, what to do. The command line exits with 2."""


def unknown_name(kind: str, given: str, allowed) -> InputError:
    """An InputError for a name that is not in `allowed`, with the nearest one as a hint."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(str(given), allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(f"unknown {kind} {given!r}{hint} (known: {', '.join(allowed)})")
