"""Json files that carry a checksum of their content, so that no value of them changes unseen."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from rollcall.util.faults import raise_machine_fault
from rollcall.util.files import write_json
from rollcall.util.text import with_article

CHECKSUM = "checksum"  # its key


def compute_digest(content) -> str:
    """Return the sha256 of what json can hold, in hexadecimal; the order of keys is nothing."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_sealed(path: Path, content: dict) -> None:
    """Write `content` as json with its checksum, whole or not at all."""
    content = json.loads(json.dumps(content))  # as it reads back
    content.pop(CHECKSUM, None)
    write_json(path, content | {CHECKSUM: compute_digest(content)})


def read_sealed(path: Path, older: bool = True) -> dict:
    """Return what a json file holds, without its checksum.

    older: whether files are read that have none, as those of older versions. ValueError says how
    it is damaged; FileNotFoundError if it is not there; MachineError if the machine cannot read it.
    """
    try:
        content = json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except (OSError, MemoryError) as error:
        raise_machine_fault(error, path)
        raise
    if not isinstance(content, dict):
        raise ValueError(
            f"it holds {with_article(type(content).__name__)}; expected keys and values"
        )
    checksum = content.pop(CHECKSUM, None)
    if checksum is None and older:
        return content
    if checksum != compute_digest(content):
        raise ValueError("its checksum is not that of its content")
    return content
