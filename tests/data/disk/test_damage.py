"""Every file of a prepared cohort, damaged at many places: one line, or the very same cohort."""

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.util import stamps
from rollcall.util.errors import InputError
from tests.data.made_up import make_cohort, make_image_cohort, make_test_set, write_images
from tests.data.test_store import make_old

TRIALS = 6  # of each kind of damage that draws a place


@pytest.fixture
def quick(monkeypatch):
    """Neither wait for the clock nor for the disk."""
    monkeypatch.setattr(stamps, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two cohorts of images with test sets, and their release; another of the same form beside."""
    top = tmp_path_factory.mktemp("prepared")
    for number, name in enumerate(("one", "other")):
        root = top / name / "release"
        names = write_images(root, 80, blank={3 + number})
        pool = make_image_cohort(root, names[:40])
        test = make_image_cohort(root, names[40:])
        ids = f"t{number}" + test.records["patient_id"]
        test = dataclasses.replace(test, records=test.records.assign(patient_id=ids))
        pool = dataclasses.replace(pool, test=test, notes=(f"note {number}",), source="Made up.")
        store.save(pool, top / name / "key")
        store.open_saved(top / name / "key")
    return top


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


FILES = [
    *(f"{name}" for name in ("cohort.json", "files.parquet", "inputs.npy", "labels.npy")),
    *("records.parquet", "verified.json"),
]
ALL = [*FILES, *(f"test/{name}" for name in FILES)]


def same(one: Cohort, two: Cohort) -> bool:
    """Say whether two cohorts are the same in every field, dtypes included."""
    for field in dataclasses.fields(Cohort):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name == "folder":
            continue
        if isinstance(a, Cohort):
            equal = same(a, b)
        elif isinstance(a, pd.DataFrame):
            equal = a.equals(b) and a.dtypes.equals(b.dtypes)
        elif isinstance(a, np.ndarray):
            equal = a.dtype == b.dtype and np.array_equal(a, b)
        else:
            equal = type(a) is type(b) and a == b
        if not equal:
            return False
    return True


def damages(content: bytes, other: bytes, rng: np.random.Generator):
    """Yield (name, damaged content) at many places; None for a file that is gone."""
    for place in rng.integers(0, len(content), TRIALS):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(0, 8)
        yield f"bit of byte {place}", bytes(flipped)
    head = min(len(content), 128)  # of arrays: what says how the rest is to be read
    for place in range(8, head, 17):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(0, 8)
        yield f"bit of byte {place} of the header", bytes(flipped)
    for place in rng.integers(0, max(1, len(content) - 16), 3):
        yield f"16 bytes at {place}", content[:place] + bytes(16) + content[place + 16 :]
    for length in (len(content) - 1, len(content) // 2, 1):
        yield f"cut to {length}", content[:length]
    yield "longer", content + b"\0"
    yield "another's", other
    yield "empty", b""
    yield "gone", None


def open_or_refuse(folder: Path, root: Path) -> Cohort | None:
    """Open as `datasets.load` does; None if it is refused, in one line that says what to do."""
    try:
        if not store.is_current(folder, root):
            return None  # it is prepared anew
        return store.open_saved(folder)
    except InputError as error:
        line = str(error)
    assert "\n" not in line
    assert line.startswith(f"{folder}: the prepared cohort is damaged (")
    assert line.endswith("delete this folder and run again: it is prepared anew")
    return None


@pytest.mark.parametrize("name", ALL)
def test_no_damage_goes_without_a_word(tmp_path, prepared, name, quick):
    assert set(files_of(prepared / "one" / "key")) == set(ALL)
    root, folder = prepared / "one" / "release", tmp_path / "key"
    shutil.copytree(prepared / "one" / "key", folder)
    path, meant = folder / name, store.open_saved(folder)
    before, content = path.stat(), path.read_bytes()
    other = (prepared / "other" / "key" / name).read_bytes()
    refused = 0
    for damage, damaged in damages(content, other, np.random.default_rng(len(name))):
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        cohort = open_or_refuse(folder, root)
        refused += cohort is None
        assert cohort is None or same(cohort, meant), damage
        sealed = path.name in ("files.parquet", "labels.npy", "records.parquet")
        assert cohort is None or not sealed or damaged == content, damage
        path.write_bytes(content)
    assert refused > 0 or path.name == "verified.json"
    assert same(store.open_saved(folder), meant)
    assert before.st_size == path.stat().st_size


def test_a_whole_test_set_of_another_cohort_is_noticed(tmp_path, prepared):
    folder = tmp_path / "key"
    shutil.copytree(prepared / "one" / "key", folder)
    shutil.rmtree(folder / "test")
    shutil.copytree(prepared / "other" / "key" / "test", folder / "test")
    assert open_or_refuse(folder, prepared / "one" / "release") is None


def test_a_test_set_that_should_not_be_there_is_noticed(tmp_path):
    store.save(make_cohort(), tmp_path / "c")
    store.save(make_test_set(), tmp_path / "t")
    shutil.copytree(tmp_path / "t", tmp_path / "c" / "test")
    with pytest.raises(InputError, match="damaged"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("field", ["restricted", "notes", "source", "unit", "simulated"])
@pytest.mark.parametrize("folder", [".", "test"])
def test_every_word_of_cohort_json_is_in_the_fingerprint(tmp_path, field, folder):
    cohort = make_cohort(test=make_test_set(source="x", notes=("n",)), source="x", notes=("n",))
    store.save(cohort, tmp_path / "c")
    path = tmp_path / "c" / folder / "cohort.json"
    words = {
        "restricted": ('"restricted": true', '"restricted": false'),
        "notes": ('"n"', '"m"'),
        "source": ('"x"', '"y"'),
        "unit": ('"patient"', '"patienT"'),
        "simulated": ('"simulated": false', '"simulated": true'),
    }
    text = path.read_text()
    changed = text.replace(*words[field])
    assert changed != text
    path.write_text(changed)
    with pytest.raises(InputError, match=r"cohort.json does not match its fingerprint"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("name", ["inputs.npy", "targets.npy", "cohort.json"])
def test_damage_of_what_was_prepared_before_is_one_line(tmp_path, name, quick):
    """Its categories' order and its notes had no digest; all else is refused, or the same."""
    store.save(make_cohort(test=make_test_set()), tmp_path / "c")
    make_old(tmp_path / "c")
    path, meant = tmp_path / "c" / name, store.open_saved(tmp_path / "c")
    content = path.read_bytes()
    for damage, damaged in damages(content, b"{}", np.random.default_rng(5)):
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        cohort = open_or_refuse(tmp_path / "c", tmp_path)
        if name != "cohort.json":
            assert cohort is None or same(cohort, meant), damage
        path.write_bytes(content)
