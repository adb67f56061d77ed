"""The state of the explorer in one object, and the command that shows it again."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from rollcall.util.files import clone, home, notebooks


@dataclass(frozen=True)
class View:
    """What is looked at. Each number is drawn to the nearest step that may be shown.

    run, other  two finished runs, "dataset/run"; other: "" for none
    threshold   a risk: patients at or above it are counted; 0 for the smallest risk that is named
    models      how many of the target models are used; 0 for all
    rank        of the patient that is looked at, 1 for the highest risk
    top         how many patients of either run are compared; 0 for the exposed, or near them
    """

    run: str = ""
    threshold: float = 0.0
    models: int = 0
    rank: int = 1
    other: str = ""
    top: int = 0


def find_nearest(steps: ArrayLike, value: float) -> int:
    """Return the position of the step that is nearest to a value; the first of equals."""
    return int(np.abs(np.asarray(steps, float) - value).argmin())


def write_command(view: View, out: str = "", data: str = "") -> str:
    """Write the command, to be typed in home(), that makes stills of a view in a notebook."""
    if home() != clone():  # it was named, and is not where the command would look
        out, data = out or str(home() / "results"), data or str(home() / "data")
    source, folder = notebooks() / "explore.ipynb", Path(out or home() / "results")
    made = folder / f"explore-{view.run.replace('/', '-')}.ipynb"
    words = [_shorten(Path(sys.executable)), "-m", "papermill", *map(_shorten, (source, made))]
    for key, value in {"out": out, "data": data}.items():
        words += ["-p", key, str(Path(value).absolute())] if value else []
    for field in fields(view):
        if (value := getattr(view, field.name)) != field.default:
            words += ["-p", field.name, f"{value:g}" if isinstance(value, float) else str(value)]
    return " ".join(map(shlex.quote, [*words, "-p", "stills", "True"]))


def _shorten(path: Path) -> str:
    """Write a path from home() on, from where commands are typed, if it lies below."""
    path = path.absolute()
    return str(path.relative_to(home()) if path.is_relative_to(home()) else path)
