"""An audit of a cohort that somebody has in memory: prepared on disk, and its run opened.

`rollcall.data.cohort.Cohort.of` makes such a cohort of arrays. Workers open what is prepared here,
and so may a later `rollcall.auditing.plan(cohort="<that folder>")`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from rollcall import datasets, recipes
from rollcall.data import store
from rollcall.data.arrays.gathering import check_name
from rollcall.data.cohort import Cohort, validate
from rollcall.data.decode import FileInputs
from rollcall.data.disk.copies import CHOICES
from rollcall.datasets.described.keys import OTHERS_NAMES
from rollcall.datasets.parts.common import check_choice
from rollcall.models.registry import kind_of
from rollcall.recipes import Recipe
from rollcall.util.errors import InputError
from rollcall.util.settings import parse_settings

TAKEN = (*OTHERS_NAMES, *datasets.NAMES)  # folders of results/


def is_prepared(cohort: str | Cohort) -> bool:
    """Say whether a cohort is one itself, or the folder of one that was prepared."""
    if isinstance(cohort, Cohort):
        return True
    return cohort not in datasets.NAMES and os.path.isfile(os.path.join(cohort, "cohort.json"))


def open_prepared(cohort: str | Cohort, data: Path, options: Sequence[str] = ()) -> Cohort:
    """Return a cohort as it is prepared on disk, in data/<name>/prepared/<key>, if it is not yet.

    cohort: made in memory, prepared before, or the folder of one. options: "duplicates=once" keeps
    each picture or signal once. The key follows from all that the cohort holds. InputError for a
    name that results/ has another use for; MachineError if the machine refuses.
    """
    chosen = {"duplicates": CHOICES[0]}
    chosen |= parse_settings("option", options, chosen, "of a cohort made in memory")
    ready = not isinstance(cohort, Cohort) or cohort.folder is not None
    if ready and options:
        raise InputError(f"option {options[0]!r}: this cohort is prepared already; expected none")
    if not isinstance(cohort, Cohort):
        return store.open_saved(Path(cohort))
    if cohort.folder is not None:
        return cohort
    check_choice(cohort.name, "duplicates", chosen["duplicates"], CHOICES)
    if isinstance(cohort.inputs, FileInputs):
        raise InputError(f"cohort {cohort.name!r}: its inputs are files; expected arrays")
    check_name(cohort.name)
    if cohort.name in TAKEN:
        raise InputError(
            f"cohort {cohort.name!r}: a name that Rollcall has given already; choose another: "
            "Cohort.of(..., name=...)"
        )
    cohort = validate(cohort)  # its arrays may have changed since it was made
    state = json.dumps([cohort.fingerprint, chosen])
    folder = data / cohort.name / "prepared" / hashlib.sha256(state.encode()).hexdigest()[:12]
    return store.save_once(cohort, folder, chosen["duplicates"])


def choose_recipe(cohort: Cohort, model: str, entries: Sequence[str]) -> Recipe:
    """Return the recipe for a cohort's kind of input, as `rollcall.recipes.choose`."""
    return recipes.choose(cohort.name, model, entries, kind_of(cohort.inputs.shape[1:]))
