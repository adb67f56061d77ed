"""Loading a cohort by name: what is refused, what is prepared anew, and what is hashed once."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollcall import auditing, datasets
from rollcall.data import store
from rollcall.data.disk import sealing
from rollcall.data.release import SIMULATED
from rollcall.datasets import diabetes130
from rollcall.training.backends import worker
from rollcall.util import stamps
from rollcall.util.errors import InputError
from tests.conftest import diabetes_rows, write_release


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda data: datasets.load("simulatd", data=data),
            "unknown cohort 'simulatd'; did you mean 'simulated'",
        ),
        (lambda data: datasets.load("simulated", data=data, patient=3), "did you mean 'patients'"),
        (
            lambda data: datasets.load("diabetes130", root=data / "nowhere", data=data),
            "no such folder",
        ),
        (
            lambda data: datasets.load("diabetes130", root=data, data=data),
            r"holds no diabetic_data\.csv or diabetic_data\.csv\.gz",
        ),
    ],
)
def test_loading_what_is_not_there(tmp_path, call, message):
    with pytest.raises(InputError, match=message):
        call(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def release(tmp_path):
    return write_release(tmp_path / "release", diabetes_rows())


@pytest.fixture
def hashed(monkeypatch):
    """Names of what is hashed: a table of a release, or a cohort that is verified."""
    names = []
    sha256, verify_content = stamps.sha256, sealing.verify_content

    def hash_table(path):
        names.append(path.name)
        return sha256(path)

    def verify(cohort):
        names.append(cohort.name)
        verify_content(cohort)

    monkeypatch.setattr(stamps, "sha256", hash_table)
    monkeypatch.setattr(sealing, "verify_content", verify)
    return names


def test_a_release_and_its_cohort_are_hashed_once(release, tmp_path, hashed):
    for _ in range(4):  # the command line and three notebooks
        cohort = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    assert hashed == ["diabetic_data.csv", "diabetes130"]
    assert cohort.folder.parent == tmp_path / "data" / "diabetes130" / "prepared"


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_table_that_changes_is_prepared_anew(release, tmp_path, hashed, keep_time):
    """By one digit: it has the same size, and if wished the same time of change."""
    first = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    path = release / "diabetic_data.csv"
    before = path.stat()
    content = path.read_bytes()
    changed = content.replace(b"428", b"427", 1)
    assert changed != content
    with open(path, "r+b") as file:
        file.write(changed)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    assert second.folder != first.folder
    assert hashed.count("diabetic_data.csv") == 2


def test_the_key_of_a_prepared_cohort_is_the_same_with_and_without_a_stamp(release, tmp_path):
    first = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    again = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    stamp = first.folder.parent / datasets.TABLES_STAMP
    assert stamp.is_file()
    stamp.unlink()
    assert datasets.load("diabetes130", root=release, data=tmp_path / "data").folder == first.folder
    assert again.folder == first.folder


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', "null"])
def test_a_damaged_stamp_of_tables_is_none(release, tmp_path, hashed, content):
    first = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    (first.folder.parent / datasets.TABLES_STAMP).write_text(content)
    assert datasets.load("diabetes130", root=release, data=tmp_path / "data").folder == first.folder
    assert hashed.count("diabetic_data.csv") == 2


def plan(tmp_path) -> auditing.Audit:
    return auditing.plan(
        cohort="simulated",
        targets=8,
        root="",
        out=str(tmp_path / "out"),
        data=str(tmp_path / "data"),
        options=["patients=60"],
    )


def test_an_audit_verifies_its_cohort_once(tmp_path, hashed):
    study = plan(tmp_path)
    assert hashed == ["simulated"]
    for _ in range(3):  # each notebook plans again
        plan(tmp_path)
    store.open_saved(study.cohort.folder)  # as each worker does
    code = (
        "import sys; from pathlib import Path; from rollcall.data import store\n"
        "from rollcall.data.disk import sealing\n"
        "def refuse(*arguments): raise SystemExit('hashed again')\n"
        "sealing.verify_content = refuse; store.open_saved(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, study.cohort.folder], check=True)
    assert hashed == ["simulated"]


def test_a_run_that_is_resumed_after_damage_says_so(tmp_path):
    study = plan(tmp_path)
    path = study.cohort.folder / "inputs.npy"
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    message = r"the prepared cohort is damaged .*delete this folder and run again"
    with pytest.raises(InputError, match=message):
        plan(tmp_path)
    with pytest.raises(InputError, match=message):
        worker.join_run(str(study.run.path), 8, str(study.cohort.folder), "cpu")


def test_another_version_of_the_module_prepares_anew(release, tmp_path, monkeypatch):
    first = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    monkeypatch.setattr(diabetes130, "VERSION", diabetes130.VERSION + 1)
    second = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    assert first.folder != second.folder
    assert first.fingerprint == second.fingerprint


def test_a_rehearsed_release_is_a_cohort_of_its_own(release, tmp_path):
    real = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    (release / SIMULATED).write_text("invented")
    rehearsed = datasets.load("diabetes130", root=release, data=tmp_path / "data")
    assert (real.simulated, rehearsed.simulated) == (False, True)
    assert real.folder != rehearsed.folder


def test_two_who_prepare_at_once_prepare_once(tmp_path, monkeypatch):
    """Both have seen that nothing is prepared before either begins."""
    together, saved = threading.Barrier(2), []
    check, save = datasets.check_cohort, store.save

    def check_together(cohort):
        check(cohort)
        together.wait(30)

    def save_slowly(cohort, folder, *more):
        saved.append(folder)
        time.sleep(0.2)
        save(cohort, folder, *more)

    monkeypatch.setattr(datasets, "check_cohort", check_together)
    monkeypatch.setattr(store, "save", save_slowly)
    with ThreadPoolExecutor(2) as pool:
        tasks = [
            pool.submit(datasets.load, "simulated", data=tmp_path, patients=60) for _ in range(2)
        ]
        cohorts = [task.result() for task in tasks]
    assert len(saved) == 1
    assert {cohort.folder for cohort in cohorts} == set(saved)
