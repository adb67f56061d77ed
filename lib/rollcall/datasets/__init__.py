"""The datasets Rollcall knows, and how one is loaded: find the release, prepare it once, open it.

A dataset is one module here, named in NAMES, that has

    ABOUT      a Dataset: title, licence, access, what a record is
    VERSION    raised whenever `read` would give another result for the same release
    locate(root, folder) -> dict of paths
               the release's tables by name; fetched into `folder` if the publisher allows it
               and root is None
    read(files, root, *, option=default, ...) -> Cohort
               inputs are an array, or FileInputs under root; InputError names file, row, column
"""

from __future__ import annotations

import hashlib
import inspect
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
from rollcall.datasets.parts.about import Dataset
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


def options(name: str) -> dict:
    """Return the options of a dataset and their defaults: the keyword-only parameters of `read`."""
    parameters = inspect.signature(_module(name).read).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY
    }


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
    """Load cohort `name`, from the release under `root`, preparing it under `data/<name>/prepared/` on first use.

    The cache's folder is named after the hashes of the release's tables, the options and the module's version; the files it was decoded
    from are compared by size and time of change. A change in any of them prepares anew, and what was there stays until that has
    succeeded. progress(files decoded, files in all). Raises InputError for an unknown name or option, and for a release that cannot be read.
    """
    module, defaults = _module(name), options(name)
    for option in chosen:
        if option not in defaults:
            raise unknown_name(f"option of cohort {name!r}", option, defaults)
    chosen = defaults | chosen
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
        chosen,
        rehearsed,
        {key: sha256(path) for key, path in files.items()},
    ]
    key = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:12]
    folder = Path(data) / name / "prepared" / key
    if not store.is_current(folder, root):
        cohort = _cohort.validate(module.read(files, root, **chosen))
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
