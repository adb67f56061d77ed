"""What only people know: who audits, for whom, what for. A TOML file; blanks where it is silent.

Every key may be left out; then the report leaves a line to fill in by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rollcall.report.glyphs import make_visible
from rollcall.util.errors import InputError, first_line, unknown_name
from rollcall.util.files import read_short_toml

LONGEST_TEXT = 1_000  # characters
BLANK = "to fill in: ____________________"
KEYS = {
    "auditor": "who made this audit: name, role, contact",
    "independence": "how the auditor depends on those who built the model",
    "system": "the system that the model is part of, with its version",
    "purpose": "what the model is for",
    "channel": "how it is released: weights, probabilities, labels only, ...",
    "controller": "who is responsible for the data, with contact",
    "legal_basis": "on which legal basis the data are used to train",
    "period": "when the data were collected",
    "licence": "under which licence or agreement the data are used",
    "mitigations": "what was tried to lower the risk, and what that did",
    "informed": "what the people whose data these are were told",
    "assessment": "the impact assessment that this report belongs to, and advice on it",
}


@dataclass(frozen=True)
class Statement:
    """Hold what was stated: texts by the names of KEYS, and the sha256 of the file."""

    texts: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    def say(self, key: str, otherwise: str = "") -> str:
        """Return what was stated, else `otherwise`, else a blank to fill in."""
        return self.texts.get(key) or otherwise or f"not stated; {BLANK}"

    def states(self, key: str) -> bool:
        """Return whether a key was stated."""
        return bool(self.texts.get(key))


def read_statement(path: str | Path) -> Statement:
    """Read a file of statements; "": there is none.

    InputError, one line with the file's name, if it cannot be read, has a key that is not known, or
    a value that is no text. MachineError if the machine refuses.
    """
    if not path:
        return Statement()
    text, sha256 = read_short_toml(Path(path), "statements")
    try:
        values = tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path}: no TOML ({first_line(error)}); see docs/statement.md") from error
    texts = {key: _check_text(str(path), key, value) for key, value in values.items()}
    return Statement(texts, sha256)


def _check_text(name: str, key: str, value) -> str:
    if key not in KEYS:
        raise unknown_name("key", key, KEYS, f"in {name}")
    if isinstance(value, date):  # TOML has dates, with and without a time
        value = value.isoformat()
    if not isinstance(value, str) or not any(map(str.isprintable, "".join(value.split()))):
        raise InputError(f'{name}: {key} is {value!r:.80}; expected {KEYS[key]}, as "text"')
    if len(value) > LONGEST_TEXT:
        raise InputError(
            f"{name}: {key} has {len(value):,} characters; expected at most {LONGEST_TEXT:,}"
        )
    return make_visible(" ".join(value.split()))
