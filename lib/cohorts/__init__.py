"""The cohorts Rollcall knows, and how one is loaded: find the release, prepare it once, open it memory-mapped.

A cohort module has
    VERSION                      raised whenever `read` would give another result for the same release
    OPTIONS                      its options and their defaults
    locate(root, folder) -> dict the release's files by name (fetched into `folder` where the publisher allows it and root is None)
    read(files, **options)       -> Cohort, in memory; InputError names file, column and row
"""

from __future__ import annotations

import hashlib
import json
import logging
from importlib import import_module
from pathlib import Path

from lib import cohort as _cohort
from lib.cohort import Cohort
from lib.errors import InputError, unknown
from lib.files import sha256

NAMES = ("simulated", "diabetes130")
log = logging.getLogger(__name__)


def _module(name: str):
    if name not in NAMES:
        raise unknown("cohort", name, NAMES)
    return import_module(f"lib.cohorts.{name}")


def options(name: str) -> dict:
    """The options of a cohort and their defaults."""
    return dict(_module(name).OPTIONS)


def load(name: str, root: str | Path | None = None, data: str | Path = "data", **options) -> Cohort:
    """Load cohort `name`, from the release under `root`, preparing it under `data/<name>/prepared/` on first use.

    The cache's folder is named after the release's hashes, the options and the module's version, so that a change in any of
    them prepares anew. Raises InputError for an unknown name or option, and for a release that cannot be read.
    """
    module = _module(name)
    for option in options:
        if option not in module.OPTIONS:
            raise unknown(f"option of cohort {name!r}", option, module.OPTIONS)
    options = module.OPTIONS | options
    if root is not None and not Path(root).is_dir():
        raise InputError(f"{root}: no such folder; ROOT must name the folder that holds the release of {name!r} (see data/README.md)")
    files = module.locate(None if root is None else Path(root), Path(data) / name)
    state = [name, module.VERSION, options, {key: sha256(path) for key, path in files.items()}]
    key = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:12]
    folder = Path(data) / name / "prepared" / key
    if not folder.exists():
        log.info("preparing %s in %s", name, folder)
        _cohort.save(_cohort.validate(module.read(files, **options)), folder)
    return _cohort.open_saved(folder)


def find(root: Path, *names: str) -> Path:
    """The first of `names` that is a regular file under `root`; InputError if none is, or if a link leads out of the root."""
    for name in names:
        path = root / name
        if path.is_file():
            if not path.resolve().is_relative_to(root.resolve()):
                raise InputError(f"{path}: leads out of the root {root}; copy the file into it")
            return path
    raise InputError(f"{root}: holds no {' or '.join(names)}; ROOT must name the folder with the release's files (see data/README.md)")
