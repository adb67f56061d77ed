"""Errors that are the user's to mend, and how they are worded."""

import difflib


class InputError(ValueError):
    """Report bad input in one line: what was expected, what came, where, what to do.

    The command line prints it and exits with 2; a notebook shows it without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


def unknown_name(kind: str, name: str, allowed, where: str = "") -> InputError:
    """Return an InputError for a name that is not in `allowed`, with the nearest one as a hint.

    where: what has names of that kind ("of cohort 'simulated'").
    """
    allowed = sorted(allowed)
    near = difflib.get_close_matches(str(name), allowed, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(
        f"unknown {kind} {name!r}{where and ' '}{where}{hint} (known: {', '.join(allowed)})"
    )


def first_line(error: Exception, longest: int = 200) -> str:
    """Return the first line of an error's message, or its class's name if it has none.

    Foreign messages are cut to `longest` characters; an InputError's is ours, and stays whole.
    """
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if isinstance(error, InputError) else line[:longest]
