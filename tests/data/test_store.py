"""Prepared cohorts: whole or not at all, current or not, verified once, never trusted wrongly."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall.data import store
from rollcall.data.cohort import Cohort, validate
from rollcall.data.disk import sealing
from rollcall.util import stamps
from rollcall.util.errors import InputError
from tests.data.made_up import (
    decode_plainly,
    make_cohort,
    make_image_cohort,
    make_test_set,
    write_images,
)

FILES = ["inputs.npy", "labels.npy", "records.parquet", "cohort.json"]


@pytest.fixture
def hashed(monkeypatch):
    """A list that grows by a cohort each time that one's inputs are read to verify them."""
    cohorts = []
    verify_content = sealing.verify_content

    def count(cohort: Cohort) -> None:
        cohorts.append(cohort)
        verify_content(cohort)

    monkeypatch.setattr(sealing, "verify_content", count)
    return cohorts


def flip_byte(path: Path, keep_time: bool) -> None:
    """Change one byte in the middle of a file; `keep_time`: and set its time of change back."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    with open(path, "r+b") as file:
        file.write(content)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size


def test_the_cache_gives_back_what_was_saved(tiny, tmp_path):
    store.save(tiny, tmp_path / "c")
    again = store.open_saved(tmp_path / "c")
    assert again.fingerprint == tiny.fingerprint
    assert (again.inputs == tiny.inputs).all()
    assert again.records.equals(tiny.records)
    assert again.attributes == tiny.attributes
    assert isinstance(again.inputs, np.memmap)
    assert not list(tmp_path.glob(".building*"))


def test_no_field_is_lost(tmp_path):
    """Every stored field of a cohort that differs from the default in all of them comes back."""
    cohort = make_cohort(
        restricted=False,
        scale=0.5,
        unit="lesion",
        simulated=True,
        test_shares_patients=True,
        source="Made up.",
        notes=("one", "two"),
        test=make_test_set(scale=0.5),
    )
    for field in dataclasses.fields(Cohort):
        if (
            field.name not in ("content", "fingerprint", "folder")
            and field.default is not dataclasses.MISSING
        ):
            assert getattr(cohort, field.name) != field.default, field.name
    cohort = validate(cohort)
    store.save(cohort, tmp_path / "c")
    again = store.open_saved(tmp_path / "c")
    for field in dataclasses.fields(Cohort):
        saved, read = getattr(cohort, field.name), getattr(again, field.name)
        if field.metadata["stored"] == "derived":
            assert read == tmp_path / "c"
        elif field.metadata["stored"] == "cohort":
            assert read.records.equals(saved.records)
            assert read.folder == tmp_path / "c" / "test"
        elif isinstance(saved, pd.DataFrame):
            assert read.equals(saved)
        else:
            assert type(read) is type(saved) or field.metadata["stored"] == "mapped"
            assert np.array_equal(read, saved), field.name


def test_meta_holds_no_patient(tiny):
    meta = (tiny.folder / "cohort.json").read_text() + (tiny.folder / sealing.STAMP).read_text()
    assert not any(str(patient) in meta for patient in tiny.patients)


def test_no_pickle_is_ever_loaded(tiny, tmp_path):
    store.save(tiny, tmp_path / "c")
    np.save(
        tmp_path / "c" / "labels.npy",
        np.array([{"code": "run me"}], dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(InputError, match="damaged"):
        store.open_saved(tmp_path / "c")


# --- damage, before and after it was trusted


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("trusted", [False, True])
def test_a_damaged_cache_is_named(tiny, tmp_path, name, trusted):
    store.save(tiny, tmp_path / "c")
    if trusted:
        store.open_saved(tmp_path / "c")
    path = tmp_path / "c" / name
    for size in (path.stat().st_size // 2, 0):
        os.truncate(path, size)
        with pytest.raises(InputError, match=r"damaged.*delete this folder"):
            store.open_saved(tmp_path / "c")
    path.unlink()
    with pytest.raises(InputError, match=r"damaged.*delete this folder"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("content", ["[]", "3", '{"name": "c"}', "{"])
def test_a_cohort_json_of_another_form_is_damage(tiny, tmp_path, content):
    store.save(tiny, tmp_path / "c")
    (tmp_path / "c" / "cohort.json").write_text(content)
    with pytest.raises(InputError, match=r"damaged.*delete this folder"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("change", ["removed", "the pool's"])
def test_a_test_set_that_is_gone_or_another_is_noticed(tmp_path, trusted, change):
    store.save(make_cohort(test=make_test_set()), tmp_path / "c")
    if trusted:
        store.open_saved(tmp_path / "c")
    test = tmp_path / "c" / "test"
    shutil.rmtree(test)
    if change != "removed":
        test.mkdir()
        for path in tmp_path.glob("c/*.*"):
            shutil.copy2(path, test)
    with pytest.raises(InputError, match=r"damaged.*test/? is .*delete this folder"):
        store.open_saved(tmp_path / "c")


def test_what_changes_while_it_is_read_is_verified(tiny, tmp_path, monkeypatch):
    """The stamp fits when the folder is opened, and no longer when its files are read."""
    store.save(tiny, tmp_path / "c")
    store.open_saved(tmp_path / "c")
    read = sealing.read_fields

    def change_and_read(folder, *arguments):
        inputs = np.load(folder / "inputs.npy")
        np.save(folder / "inputs.npy", inputs[::-1])
        return read(folder, *arguments)

    monkeypatch.setattr(sealing, "read_fields", change_and_read)
    with pytest.raises(InputError, match="its content does not match"):
        store.open_saved(tmp_path / "c")


def test_a_changed_cache_is_noticed(tiny, tmp_path):
    store.save(tiny, tmp_path / "c")
    labels = np.load(tmp_path / "c" / "labels.npy")
    labels[3] = (labels[3] + 1) % 3
    np.save(tmp_path / "c" / "labels.npy", labels)
    with pytest.raises(InputError, match=r"labels\.npy does not match"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("keep_time", [False, True])
@pytest.mark.parametrize("folder", [".", "test"])
@pytest.mark.parametrize("name", ["inputs.npy", "labels.npy", "records.parquet"])
def test_a_changed_byte_is_noticed_after_a_trusted_opening(
    tmp_path, hashed, name, folder, keep_time
):
    store.save(make_cohort(test=make_test_set()), tmp_path / "c")
    store.open_saved(tmp_path / "c")
    hashed.clear()
    store.open_saved(tmp_path / "c")
    assert not hashed
    flip_byte(tmp_path / "c" / folder / name, keep_time)
    for _ in range(2):  # and what is damaged is never trusted
        with pytest.raises(InputError, match=r"damaged.*delete this folder"):
            store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_changed_description_is_noticed_after_a_trusted_opening(tmp_path, hashed, keep_time):
    store.save(make_cohort(), tmp_path / "c")
    store.open_saved(tmp_path / "c")
    path = tmp_path / "c" / "cohort.json"
    before = path.stat()
    path.write_text(path.read_text().replace('"weight"', '"height"'))
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InputError, match="fingerprint"):
        store.open_saved(tmp_path / "c")


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_noticed(tmp_path):
    store.save(make_cohort(), tmp_path / "c")
    store.open_saved(tmp_path / "c")
    path = tmp_path / "c" / "labels.npy"
    before = path.stat()
    np.save(tmp_path / "other.npy", np.tile([1, 0], 20))
    os.utime(tmp_path / "other.npy", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(tmp_path / "other.npy", path)
    assert path.stat().st_size == before.st_size
    with pytest.raises(InputError, match=r"labels\.npy does not match"):
        store.open_saved(tmp_path / "c")


# --- trust


def test_a_cohort_is_hashed_once(tmp_path, hashed):
    store.save(make_cohort(test=make_test_set()), tmp_path / "c")
    hashed.clear()
    for _ in range(3):
        cohort = store.open_saved(tmp_path / "c")
    assert [len(each.patients) for each in hashed] == [20, 20]  # the pool and the test set
    assert cohort.fingerprint == validate(make_cohort(test=make_test_set())).fingerprint


def test_other_processes_trust_it_too(tmp_path, hashed):
    """A stamp is written after each verification: none is written here."""
    store.save(make_cohort(), tmp_path / "c")
    store.open_saved(tmp_path / "c")
    before = stamps.read_facts([tmp_path / "c" / sealing.STAMP])
    code = (
        "import sys; from pathlib import Path; from rollcall.data import store\n"
        "from rollcall.data.disk import sealing\n"
        "def refuse(*arguments): raise SystemExit('hashed again')\n"
        "sealing.verify_content = refuse; store.open_saved(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "c"], check=True)
    assert stamps.read_facts([tmp_path / "c" / sealing.STAMP]) == before
    os.utime(tmp_path / "c" / "labels.npy")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "c"], capture_output=True, text=True
    )
    assert "hashed again" in done.stderr


def test_a_copy_is_verified_once_more(tmp_path, hashed):
    store.save(make_cohort(), tmp_path / "c")
    store.open_saved(tmp_path / "c")
    hashed.clear()
    shutil.copytree(tmp_path / "c", tmp_path / "copy")
    for _ in range(2):
        store.open_saved(tmp_path / "copy")
    assert len(hashed) == 1


def test_what_changes_while_it_is_verified_is_not_trusted(tmp_path, monkeypatch):
    store.save(make_cohort(), tmp_path / "c")
    verify_content = sealing.verify_content

    def verify_and_touch(cohort: Cohort) -> None:
        verify_content(cohort)
        os.utime(tmp_path / "c" / "labels.npy")

    monkeypatch.setattr(sealing, "verify_content", verify_and_touch)
    store.open_saved(tmp_path / "c")
    assert not (tmp_path / "c" / sealing.STAMP).exists()


def test_files_that_have_just_changed_are_not_trusted(tmp_path, hashed, monkeypatch):
    monkeypatch.setattr(stamps, "SETTLING_SECONDS", 0)
    monkeypatch.setattr(stamps, "TICK_NS", 10**12)
    store.save(make_cohort(), tmp_path / "c")
    hashed.clear()
    for _ in range(2):
        store.open_saved(tmp_path / "c")
    assert len(hashed) == 2
    assert not (tmp_path / "c" / sealing.STAMP).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"version": 0}'])
def test_a_damaged_stamp_is_none(tmp_path, hashed, content):
    store.save(make_cohort(), tmp_path / "c")
    (tmp_path / "c" / sealing.STAMP).write_text(content)
    hashed.clear()
    store.open_saved(tmp_path / "c")
    store.open_saved(tmp_path / "c")
    assert len(hashed) == 1


def test_a_folder_that_cannot_be_written_is_read(tmp_path, hashed, monkeypatch):
    store.save(make_cohort(), tmp_path / "c")
    (tmp_path / "c").chmod(0o500)
    hashed.clear()

    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    if os.access(tmp_path / "c", os.W_OK):  # a superuser writes where nobody else can
        monkeypatch.setattr(stamps, "_read_clock", refuse)
        monkeypatch.setattr(stamps, "write_json", refuse)
    try:
        for _ in range(2):
            assert len(store.open_saved(tmp_path / "c")) == 40
        assert len(hashed) == 2
        assert {path.name for path in (tmp_path / "c").iterdir()} == set(FILES)
        flip_byte(tmp_path / "c" / "inputs.npy", keep_time=True)
        with pytest.raises(InputError, match="its content does not match"):
            store.open_saved(tmp_path / "c")
    finally:
        (tmp_path / "c").chmod(0o700)


# --- cohorts prepared by 0.1.0


def make_old(folder: Path, names: bool = True) -> None:
    """Let a prepared cohort, and its test set, be as before files were sealed.

    names: and as in 0.1.0, which had other names.
    """
    for each in (folder / "test", folder):
        if not each.exists():
            continue
        meta = json.loads((each / "cohort.json").read_text())
        meta["fingerprint"] = meta.pop("content")
        del meta["files"]
        if "test" in meta:
            meta["test"] = json.loads((each / "test" / "cohort.json").read_text())["fingerprint"]
        if names:
            os.rename(each / "labels.npy", each / "targets.npy")
            meta["straddles"] = meta.pop("test_shares_patients")
            meta.pop("test", None)
        (each / "cohort.json").write_text(json.dumps(meta, indent=1))
        (each / sealing.STAMP).unlink(missing_ok=True)


@pytest.mark.parametrize("names", [True, False])
def test_a_cohort_of_before_is_opened_as_it_is(tmp_path, hashed, names):
    cohort = make_cohort(test=make_cohort(), test_shares_patients=True)
    store.save(cohort, tmp_path / "c")
    make_old(tmp_path / "c", names)
    hashed.clear()
    before = {path: path.read_bytes() for path in (tmp_path / "c").rglob("*") if path.is_file()}
    assert store.is_current(tmp_path / "c", None)
    for _ in range(2):
        again = store.open_saved(tmp_path / "c")
    assert again.fingerprint == validate(cohort).fingerprint
    assert again.content == validate(cohort).content
    assert again.test_shares_patients
    assert (again.labels == cohort.labels).all()
    assert (again.test.labels == cohort.test.labels).all()
    assert len(hashed) == 2
    for path, content in before.items():
        assert path.read_bytes() == content
    flip_byte(tmp_path / "c" / ("targets.npy" if names else "labels.npy"), keep_time=True)
    with pytest.raises(InputError, match="fingerprint"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("swap", ["bytes", "kind"])
def test_labels_of_before_in_another_order_of_bytes_are_damage(tmp_path, swap):
    """One bit makes < of <i8 into >, or i into m: the content is the same, the numbers are not."""
    store.save(make_cohort(), tmp_path / "c")
    make_old(tmp_path / "c")
    path = tmp_path / "c" / "targets.npy"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"<i8", {"bytes": b">i8", "kind": b"<m8"}[swap]))
    with pytest.raises(InputError, match="damaged"):
        store.open_saved(tmp_path / "c")


@pytest.mark.parametrize("old", [True, False])
def test_images_prepared_before_are_not_decoded_again(tmp_path, old):
    root, folder = tmp_path / "release", tmp_path / "data" / "key"
    names = write_images(root, 40)
    store.save(make_image_cohort(root, names), folder)
    make_old(folder, old)
    assert store.is_current(folder, root)
    opened = store.open_saved(folder)
    assert (opened.inputs[7] == decode_plainly(root, names[7])).all()


# --- cohorts of files


def test_a_cohort_is_saved_without_its_dropped_records(tmp_path):
    names = write_images(tmp_path / "release", 80, blank={0, 1, 7})
    steps = []
    store.save(
        validate(make_image_cohort(tmp_path / "release", names)),
        tmp_path / "data" / "key",
        lambda *step: steps.append(step),
    )
    left = {path.name for path in (tmp_path / "data" / "key").iterdir()}
    assert left == {*FILES, "files.parquet"}
    opened = store.open_saved(tmp_path / "data" / "key")
    kept = np.setdiff1d(np.arange(80), [0, 1, 7])
    assert len(opened) == 77
    assert opened.notes == ("3 records dropped: blank picture",)
    assert opened.labels.tolist() == (kept % 2).tolist()
    assert opened.records["patient_id"].tolist() == [f"q{k // 2}" for k in kept]
    assert all(
        (opened.inputs[position] == decode_plainly(tmp_path / "release", names[k])).all()
        for position, k in enumerate(kept)
    )
    assert steps[-1] == (80, 80)
    left = {path.name for path in (tmp_path / "data" / "key").iterdir()}
    assert left == {*FILES, "files.parquet", sealing.STAMP}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["key"]
    table = pd.read_parquet(tmp_path / "data" / "key" / "files.parquet")
    assert table["path"].tolist() == names.tolist()
    assert set(np.flatnonzero(table["left_out"] == "blank picture")) == {0, 1, 7}


def test_progress_counts_the_test_set_after_the_pool(tmp_path):
    names = write_images(tmp_path / "release", 60)
    pool = make_image_cohort(tmp_path / "release", names[:40])
    test = make_image_cohort(tmp_path / "release", names[40:])
    records = test.records.assign(patient_id="t" + test.records["patient_id"])
    steps = []
    store.save(
        dataclasses.replace(pool, test=dataclasses.replace(test, records=records)),
        tmp_path / "key",
        lambda *step: steps.append(step),
    )
    assert steps == [(0, 60), (40, 60), (40, 60), (60, 60)]


def test_the_cache_knows_the_files_it_came_from(tmp_path):
    root, folder = tmp_path / "release", tmp_path / "data" / "key"
    names = write_images(root, 40)
    assert not store.is_current(folder, root)
    store.save(make_image_cohort(root, names), folder)
    before = store.open_saved(folder).fingerprint
    assert store.is_current(folder, root)
    Image.fromarray(np.full((20, 16), 9, np.uint8)).save(root / names[5])
    assert not store.is_current(folder, root)
    store.save(make_image_cohort(root, names), folder)
    after = store.open_saved(folder)
    assert store.is_current(folder, root)
    assert after.fingerprint != before
    assert (after.inputs[5] == 9).all()


def test_a_damaged_file_leaves_the_cache_as_it_was(tmp_path):
    root, folder = tmp_path / "release", tmp_path / "data" / "key"
    names = write_images(root, 40)
    store.save(make_image_cohort(root, names), folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (root / names[5]).write_bytes(b"cut")
    with pytest.raises(InputError):
        store.save(make_image_cohort(root, names), folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_record_dropped_at_the_second_try_leaves_the_others_as_they_are(tmp_path, monkeypatch):
    """The first try ends when inputs.npy is a second name of decoded.npy."""
    root, folder = tmp_path / "release", tmp_path / "data" / "key"
    names = write_images(root, 80)
    with monkeypatch.context() as patched:
        patched.setattr(store, "write_cohort", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.save(make_image_cohort(root, names), folder)
    Image.fromarray(np.zeros((20, 16), np.uint8)).save(root / names[70])
    store.save(make_image_cohort(root, names), folder)
    opened = store.open_saved(folder)
    assert len(opened) == 79
    assert (opened.inputs[5] == decode_plainly(root, names[5])).all()
    assert (opened.inputs[78] == decode_plainly(root, names[79])).all()


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_a_prepared_cohort_is_found_by_its_fingerprint(tiny, tmp_path):
    parent = tiny.folder.parent
    assert store.find_saved(parent, tiny.fingerprint).fingerprint == tiny.fingerprint
    assert store.find_saved(parent, tiny.content).folder == tiny.folder  # as 0.1.0 called it
    assert store.find_saved(parent, "another") is None
    assert store.find_saved(tmp_path / "none", tiny.fingerprint) is None
    for content in ("{", "[]", "null"):
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / "cohort.json").write_text(content)
        assert store.find_saved(tmp_path, tiny.fingerprint) is None
