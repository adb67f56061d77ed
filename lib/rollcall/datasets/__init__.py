"""The datasets Rollcall knows, and how one is loaded: find the release, prepare it once, open it.

A dataset is one module here, named in NAMES, that has

    ABOUT      a Dataset: title, licence, access, what a record is
    VERSION    raised whenever `read` would give another result for the same release
    locate(root, folder) -> dict of paths
               the release's tables by name; fetched into `folder` if the publisher allows it
               and root is None
    read(files, root, *, option=default, ...) -> Cohort
               inputs are an array, or FileInputs under root; InputError names file, row, column

`table` is for data that have no module: its root is, or holds, the description of a cohort with a
name of its own.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from rollcall.data import store
from rollcall.data.cohort import Cohort, check_cohort
from rollcall.data.disk.copies import CHOICES
from rollcall.data.release import is_simulated
from rollcall.datasets.described import description
from rollcall.datasets.parts.about import Dataset
from rollcall.datasets.parts.common import check_choice
from rollcall.util import stamps
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.faults import MachineError, raise_machine_fault

NAMES = (
    "simulated",
    "chexpert",
    "mimic_cxr",
    "embed",
    "fairvision",
    "fitzpatrick17k",
    "ptb_xl",
    "mimic_iv_ed",
    "diabetes130",
    "ham10000",
    "nih_cxr14",
    "table",
)
SIMULATED_SOURCE = "SIMULATED: a rehearsal in the layout of this release; every value is invented."
TABLES_STAMP = ".tables.json"  # in prepared/: the hashes of the release's tables
log = logging.getLogger(__name__)


def __getattr__(attribute: str):
    """Compute REHEARSABLE, the names that `rollcall rehearse` takes, when it is asked for."""
    if attribute == "REHEARSABLE":
        return tuple(dataset.name for dataset in list_datasets() if dataset.rehearsable)
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


def about(name: str) -> Dataset:
    """Describe a dataset; InputError for an unknown name."""
    return _module(name).ABOUT


def list_datasets() -> tuple[Dataset, ...]:
    """Describe every dataset, in the order of NAMES."""
    return tuple(about(name) for name in NAMES)


def identify(name: str, root: str | Path = "") -> tuple[str, str]:
    """Return what a cohort is called, and its kind of input, as `rollcall.recipes.load` has it.

    The dataset's name, but for data that are described under root. InputError for an unknown name,
    for data without a description, and one that takes the name of another dataset.
    """
    if name != description.DATASET:
        return name, about(name).kind
    described = description.read(root)
    if described.name in NAMES and described.name != name:
        raise InputError(
            f"{described.path}: name = {described.name!r} is a dataset that Rollcall knows; choose "
            "another"
        )
    return described.name, described.kind


def options(name: str) -> dict:
    """Return the options of a dataset and their defaults.

    They are the keyword-only parameters of `read`, and for pictures and signals `duplicates`.
    """
    parameters = inspect.signature(_module(name).read).parameters.values()
    defaults = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    is_table = about(name).is_table and name != description.DATASET  # which may name pictures
    return defaults if is_table else defaults | {"duplicates": "keep"}


def _module(name: str):
    """Import a dataset's module, on demand: most commands need one of them at most."""
    if name not in NAMES:
        raise unknown_name("cohort", name, NAMES)
    return import_module(f"rollcall.datasets.{name}")


def load(
    name: str,
    root: str | Path | None = None,
    data: str | Path = "data",
    progress=lambda done, total: None,
    **chosen,
) -> Cohort:
    """Load cohort `name` from the release under `root`; prepare it on first use.

    It is prepared in data/<name>/prepared/<key>; the key follows from the hashes of the release's
    tables, the options and the module's version. Files it was decoded from are compared by size and
    time of change. A change in any of them prepares anew, and what was there stays until that has
    succeeded. What was verified is not hashed again before it changes: see `rollcall.util.stamps`.

    progress(files decoded, files in all). InputError for an unknown name or option, and for a
    release that cannot be read; MachineError if the machine refuses.
    """
    try:
        return _load(name, root, data, progress, chosen)
    except (OSError, MemoryError) as error:
        raise_machine_fault(error)
        raise


def _load(name: str, root, data, progress, chosen: dict) -> Cohort:
    module, defaults = _module(name), options(name)
    for option in chosen:
        if option not in defaults:
            raise unknown_name("option", option, defaults, f"of cohort {name!r}")
    chosen = defaults | chosen
    check_choice(name, "duplicates", chosen.get("duplicates", "keep"), CHOICES)
    given = root
    if name == description.DATASET:
        identify(name, root or "")
        given = description.find(root or "")[0]
        root = given.parent
    if root is not None and not Path(root).is_dir():
        raise InputError(
            f"{root}: no such folder; ROOT must name the folder that holds the release of "
            f"{name!r} (see docs/datasets.md)"
        )
    root, given = (None if path is None else Path(path) for path in (root, given))
    files = module.locate(given, Path(data) / name)
    rehearsed = is_simulated(root)
    prepared = Path(data) / name / "prepared"
    stamp = stamps.read_stamp(prepared / TABLES_STAMP)
    digests, new_stamp = stamps.hash_files(files, stamp, prepared)
    state = [name, module.VERSION, chosen, rehearsed, digests]
    key = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:12]
    folder = prepared / key
    duplicates = chosen.pop("duplicates", "keep")
    if not store.is_current(folder, root):
        cohort = module.read(files, root, **chosen)
        check_cohort(cohort)
        if rehearsed:
            cohort = replace(cohort, simulated=True, source=f"{SIMULATED_SOURCE} {cohort.source}")
        with store.lock(folder, f"{folder}: another process prepares it"):
            if not store.is_current(folder, root):  # else another process was first
                log.info("preparing %s in %s", name, folder)
                store.save(cohort, folder, progress, duplicates)
    elif store.has_leftovers(folder):
        with suppress(MachineError), store.lock(folder):  # where nothing can be written, they stay
            store.clear_leftovers(folder)
    if new_stamp != stamp:
        stamps.write_stamp(prepared / TABLES_STAMP, new_stamp)
    return store.open_saved(folder)
