"""The cohorts Rollcall knows, and how one is loaded: find the release, prepare it once, open it memory-mapped.

A cohort module has
    VERSION                      raised whenever `read` would give another result for the same release
    OPTIONS                      its options and their defaults
    locate(root, folder) -> dict the release's tables by name (fetched into `folder` where the publisher allows it and root is None)
    read(files, root, **options) -> Cohort, its inputs an array or `FileInputs` under root; InputError names file, column and row
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from filelock import FileLock

from rollcall.data import cohort as _cohort
from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.data.release import is_simulated
from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import sha256

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
)
log = logging.getLogger(__name__)


def _module(name: str):
    if name not in NAMES:
        raise unknown_name("cohort", name, NAMES)
    return import_module(f"rollcall.datasets.{name}")


def options(name: str) -> dict:
    """The options of a cohort and their defaults."""
    return dict(_module(name).OPTIONS)


def load(
    name: str,
    root: str | Path | None = None,
    data: str | Path = "data",
    progress=lambda done, total: None,
    **options,
) -> Cohort:
    """Load cohort `name`, from the release under `root`, preparing it under `data/<name>/prepared/` on first use.

    The cache's folder is named after the hashes of the release's tables, the options and the module's version; the files it was decoded
    from are compared by size and time of change. A change in any of them prepares anew, and what was there stays until that has
    succeeded. progress(files decoded, files in all). Raises InputError for an unknown name or option, and for a release that cannot be read.
    """
    module = _module(name)
    for option in options:
        if option not in module.OPTIONS:
            raise unknown_name(f"option of cohort {name!r}", option, module.OPTIONS)
    options = module.OPTIONS | options
    if root is not None and not Path(root).is_dir():
        raise InputError(
            f"{root}: no such folder; ROOT must name the folder that holds the release of {name!r} (see data/README.md)"
        )
    root = None if root is None else Path(root)
    files = module.locate(root, Path(data) / name)
    rehearsed = is_simulated(root)
    state = [
        name,
        module.VERSION,
        options,
        rehearsed,
        {key: sha256(path) for key, path in files.items()},
    ]
    key = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:12]
    folder = Path(data) / name / "prepared" / key
    if not store.is_current(folder, root):
        cohort = _cohort.validate(module.read(files, root, **options))
        if rehearsed:
            cohort = replace(
                cohort,
                simulated=True,
                source=f"SIMULATED: a rehearsal in the layout of this release; every value is invented. {cohort.source}",
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{key}.lock"):
            if not store.is_current(folder, root):  # else another process was first
                log.info("preparing %s in %s", name, folder)
                store.save(cohort, folder, progress)
    return store.open_saved(folder)
