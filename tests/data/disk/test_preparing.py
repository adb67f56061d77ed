"""A preparation that is refused something, or stopped anywhere, resumes to the same cohort."""

import contextlib
import dataclasses
import errno
import multiprocessing
import os
import stat
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from PIL import Image

from rollcall import datasets
from rollcall.data import decode, store
from rollcall.data.cohort import Cohort
from rollcall.data.decode import SkipRecord
from rollcall.data.disk import chunks, inputs
from rollcall.util import stamps
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from tests.data.made_up import make_cohort, make_image_cohort, make_test_set, write_images
from tests.datasets.quick import Threads
from tests.util.refusing import as_nobody, few_files, limited, needs_root, small_disk, unprivileged

LARGE = 64


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Threads for processes, and neither wait for the clock nor for the disk."""
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
    monkeypatch.setattr(stamps, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def decode_large(path: Path, shift: int) -> np.ndarray:
    """Return 4 KB of pixels that are never zero."""
    with Image.open(path) as image:
        array = np.asarray(image.resize((LARGE, LARGE)))
    if array.max() == 0:
        raise SkipRecord("blank picture")
    return array[:, :, None] | np.uint8(1)


def make_large_cohort(root: Path, count: int = 130, blank=()) -> Cohort:
    """Return a cohort of 4 KB a picture: 520 KB in three chunks."""
    names = write_images(root, count, blank) if not root.exists() else sorted(os.listdir(root))
    cohort = make_image_cohort(root, np.array(names, object))
    files = dataclasses.replace(cohort.inputs, decode=decode_large, shape=(LARGE, LARGE, 1))
    return dataclasses.replace(cohort, inputs=files)


def prepare(cohort: Cohort, folder: Path) -> Cohort:
    """Prepare and open as `datasets.load` does."""
    with store.lock(folder):
        store.save(cohort, folder)
    return store.open_saved(folder)


@pytest.fixture(params=[(), (3, 70, 129)], ids=["all", "some dropped"])
def release(tmp_path, request):
    """A cohort that is still files, and what becomes of it where nothing is refused."""
    cohort = make_large_cohort(tmp_path / "release", blank=request.param)
    return cohort, prepare(cohort, tmp_path / "unhindered" / "key")


def check_line(error: BaseException, cause: str = "") -> None:
    line = str(error)
    assert cause in line
    assert "\n" not in line
    assert not any(word in line for word in ("damaged", "delete", "fetch")), line


def check_whole(cohort: Cohort, meant: Cohort) -> None:
    assert cohort.fingerprint == meant.fingerprint
    assert np.asarray(cohort.inputs).reshape(len(cohort), -1).all()  # no pixel is black
    left = {path.name for path in cohort.folder.iterdir()} - {"verified.json"}
    assert left == {path.name for path in meant.folder.iterdir()} - {"verified.json"}
    beside = {path.name for path in cohort.folder.parent.iterdir()}
    assert beside == {cohort.folder.name, f".{cohort.folder.name}.lock"}


# --- the disk is full, or to be read only


@needs_root
def test_a_full_disk_is_one_line_and_leaves_no_black_picture(tmp_path, release):
    cohort, meant = release
    refused = 0
    with small_disk(tmp_path / "disk", 100) as remount:
        for kilobytes in (60, 200, 440, 540, 560, 580, 700, 1070, 1110):
            folder = tmp_path / "disk" / str(kilobytes) / "key"
            remount(f"size={kilobytes}k")
            for _ in range(2):  # and at the second try as well
                try:
                    prepare(cohort, folder)
                except MachineError as error:
                    check_line(error, "no space left")
                    refused += 1
            remount("size=100m")
            check_whole(prepare(cohort, folder), meant)
            for path in sorted(folder.parent.rglob("*"), reverse=True):
                path.unlink() if not path.is_dir() else path.rmdir()
            folder.parent.rmdir()
    assert refused >= 6


@pytest.mark.parametrize("size", [50, 2_000, 100_000, 400_000, 532_000])
def test_a_limit_of_size_is_one_line(tmp_path, release, size):
    cohort, meant = release
    with limited("FSIZE", size), pytest.raises(MachineError, match="larger than allowed") as caught:
        prepare(cohort, tmp_path / "data" / "key")
    check_line(caught.value)
    check_whole(prepare(cohort, tmp_path / "data" / "key"), meant)


def test_a_file_system_that_reserves_nothing_is_filled_all_the_same(tmp_path, release, monkeypatch):
    cohort, meant = release

    def refuse(*arguments):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    for number, fallocate in enumerate((refuse, None)):
        with monkeypatch.context() as patched:
            if fallocate is None:
                patched.delattr(os, "posix_fallocate")
            else:
                patched.setattr(os, "posix_fallocate", fallocate)
            check_whole(prepare(cohort, tmp_path / str(number) / "key"), meant)


def test_a_file_system_without_hard_links_gets_a_copy(tmp_path, release, monkeypatch):
    cohort, meant = release

    def refuse(*arguments):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    check_whole(prepare(cohort, tmp_path / "data" / "key"), meant)


@needs_root
def test_a_data_folder_to_read_only_is_opened_and_not_prepared(tmp_path):
    with small_disk(tmp_path / "disk", 4000) as remount:
        meant = datasets.load("simulated", data=tmp_path / "disk", patients=60)
        remount("ro")
        again = datasets.load("simulated", data=tmp_path / "disk", patients=60)
        assert again.fingerprint == meant.fingerprint
        with pytest.raises(MachineError, match="read-only") as caught:
            datasets.load("simulated", data=tmp_path / "disk", patients=62)
        check_line(caught.value)
        remount("rw")
        assert len(datasets.load("simulated", data=tmp_path / "disk", patients=62).patients) == 62


# --- the machine refuses to read


@pytest.mark.parametrize("action", ["open", "load"])
def test_too_many_open_files_are_never_damage(tmp_path, action):
    calls = {
        "open": lambda: store.open_saved(folder),
        "load": lambda: datasets.load("simulated", data=tmp_path, patients=60),
    }
    folder = calls["load"]().folder
    before = sorted(path.name for path in folder.parent.iterdir())
    refused = 0
    for spare in range(6):
        try:
            with few_files(spare):
                calls[action]()
        except MachineError as error:
            check_line(error, "too many open files")
            refused += 1
    assert refused
    assert sorted(path.name for path in folder.parent.iterdir()) == before
    calls[action]()


@unprivileged
@pytest.mark.parametrize("name", ["cohort.json", "inputs.npy", "labels.npy", "files.parquet", "."])
def test_no_permission_is_never_damage(tmp_path, name):
    root = tmp_path / "release"
    cohort = make_image_cohort(root, write_images(root, 40))
    folder = prepare(cohort, tmp_path / "data" / "key").folder
    assert store.is_current(folder, root)
    for path in (folder.parent, folder, *folder.iterdir()):
        path.chmod(0o755)
    (folder / name).chmod(0)
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        with contextlib.suppress(OSError):
            if parent != parent.parent and parent.name.startswith(("pytest", "popen")):
                parent.chmod(0o755)
    with as_nobody():
        for call in (partial(store.open_saved, folder), partial(store.is_current, folder, root)):
            opens = call.func is store.open_saved
            if name == "files.parquet" if opens else name in ("inputs.npy", "labels.npy"):
                assert call()  # it does not ask for that file
                continue
            with pytest.raises(MachineError, match="no permission") as caught:
                call()
            check_line(caught.value)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOMEM, errno.ESTALE, errno.EMFILE])
@pytest.mark.parametrize("name", ["cohort.json", "labels.npy", "records.parquet"])
def test_a_file_that_cannot_be_read_is_never_damage(tmp_path, monkeypatch, code, name):
    store.save(make_cohort(), tmp_path / "c")
    read = Path.read_bytes

    def fail(path):
        if path.name == name:
            raise OSError(code, os.strerror(code), str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(MachineError, match=name) as caught:
        store.open_saved(tmp_path / "c")
    check_line(caught.value)


# --- stopped anywhere


STEPS = ("fsync", "replace", "rename", "link", "posix_fallocate")  # of the system, in `os`


def prepare_until(cohort: Cohort, folder: Path, last: int, error, monkeypatch) -> bool:
    """Prepare until so many steps on disk were made; then `error` is raised. Say whether it was."""
    made = [0]

    def count(call, *arguments, **options):
        made[0] += 1
        if made[0] > last:
            raise error
        return call(*arguments, **options)

    with monkeypatch.context() as patched:
        for step in STEPS:
            patched.setattr(os, step, partial(count, getattr(os, step)))
        try:
            with store.lock(folder):
                store.save(cohort, folder)
        except (KeyboardInterrupt, MachineError) as stopped:
            if isinstance(stopped, MachineError):
                check_line(stopped)
            return True
    return False


@pytest.mark.parametrize(
    ("release", "error"),
    [
        ((), KeyboardInterrupt()),
        ((), OSError(errno.EDQUOT, "x")),
        ((3, 70, 129), KeyboardInterrupt()),
        ((3, 70, 129), OSError(errno.ENOSPC, "x")),
    ],
    ids=["Ctrl-C", "quota", "Ctrl-C, some dropped", "full, some dropped"],
    indirect=["release"],
)
def test_a_preparation_stopped_at_any_step_resumes(tmp_path, release, error, monkeypatch):
    cohort, meant = release
    steps = 0 if error.args else 1
    while prepare_until(cohort, tmp_path / str(steps) / "key", steps, error, monkeypatch):
        check_whole(prepare(cohort, tmp_path / str(steps) / "key"), meant)
        steps += 4
    assert steps > 15
    check_whole(store.open_saved(tmp_path / str(steps) / "key"), meant)


def test_a_preparation_stopped_again_and_again_ends(tmp_path, release, monkeypatch):
    """Each try gets two steps further; what is there at first is kept until the end."""
    cohort, meant = release
    folder = tmp_path / "data" / "key"
    store.save(make_cohort(), folder)
    for last in range(0, 80, 4):
        if not prepare_until(cohort, folder, last, KeyboardInterrupt(), monkeypatch):
            break
        assert not folder.exists() or store.open_saved(folder).name in ("test", "made up")
    else:
        raise AssertionError("it never ended")
    check_whole(store.open_saved(folder), meant)


# --- a resume believes what is on disk


@pytest.mark.parametrize("name", ["decoded.npy", "done.npy", "dropped/0", "dropped/2"])
@pytest.mark.parametrize("damage", ["zeros", "flip", "cut", "empty", "gone"])
def test_what_changed_while_it_was_stopped_is_decoded_again(tmp_path, name, damage, monkeypatch):
    cohort = make_large_cohort(tmp_path / "release", blank=(3, 70, 129))
    meant = prepare(cohort, tmp_path / "unhindered" / "key")
    folder = tmp_path / "data" / "key"
    with monkeypatch.context() as patched:
        patched.setattr(store, "write_cohort", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.save(cohort, folder)
    path = folder.parent / ".building-key" / name
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    if damage == "zeros":
        content[middle : middle + 16] = bytes(16)
    elif damage == "flip":
        content[middle] ^= 4
    path.unlink()
    if damage != "gone":
        size = {"cut": middle, "empty": 0}.get(damage, len(content))
        path.write_bytes(bytes(content[:size]))
    first = []
    store.save(cohort, folder, lambda done, total: first.append(done))
    assert first[0] < 130
    check_whole(prepare(cohort, folder), meant)


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_what_an_earlier_release_left_half_done_is_begun_anew(tmp_path):
    """Its marks say nothing of what is on disk: there may be black pictures."""
    cohort = make_large_cohort(tmp_path / "release")
    building = tmp_path / ".building-key"
    (building / "dropped").mkdir(parents=True)
    (building / "dropped" / "0").write_text("3 blank picture\n")
    np.save(building / "decoded.npy", np.zeros((130, LARGE, LARGE, 1), np.uint8))
    np.save(building / "done.npy", np.ones((3, 16), np.uint8))
    opened = prepare(cohort, tmp_path / "key")
    assert len(opened) == 130
    assert np.asarray(opened.inputs).reshape(130, -1).all()


# --- leftovers, privacy, several at once


def test_leftovers_of_killed_preparations_are_cleared(tmp_path):
    (tmp_path / ".old-abc").mkdir(mode=0o700)
    (tmp_path / ".building-long-ago").mkdir()
    (tmp_path / ".building-today").mkdir()
    (tmp_path / ".tables.json.1.part").write_text("")
    for name in (".building-long-ago", ".tables.json.1.part"):
        os.utime(tmp_path / name, (0, 0))
    store.save(make_cohort(), tmp_path / "key")
    assert {path.name for path in tmp_path.iterdir()} == {"key", ".building-today"}
    (tmp_path / "key" / "decoded.npy").write_text("")
    (tmp_path / "key" / "done.npy").write_text("")
    assert store.has_leftovers(tmp_path / "key")
    store.clear_leftovers(tmp_path / "key")
    assert not store.has_leftovers(tmp_path / "key")
    assert len(store.open_saved(tmp_path / "key")) == 40


@pytest.mark.parametrize("umask", [0, 0o022, 0o277])
def test_prepared_copies_are_their_owners_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        cohort = datasets.load("simulated", data=tmp_path / "data", patients=60)
        root = tmp_path / "release"
        os.umask(0o022)
        images = make_image_cohort(root, write_images(root, 40, blank={1}))
        os.umask(umask)
        prepare(dataclasses.replace(images, test=make_other(root)), tmp_path / "more" / "key")
    finally:
        os.umask(before)
    for top in (cohort.folder.parent, tmp_path / "more"):
        for path in (top, *top.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), (path, oct(mode))


def make_other(root: Path) -> Cohort:
    """Return the same pictures under other patients."""
    cohort = make_image_cohort(root, np.array(sorted(os.listdir(root)), object))
    ids = "t" + cohort.records["patient_id"]
    return dataclasses.replace(cohort, records=cohort.records.assign(patient_id=ids))


def load_and_tell(data: Path, together, answers) -> None:
    together.wait(60)
    try:
        answers.put(datasets.load("simulated", data=data, patients=400).fingerprint)
    except Exception as error:
        answers.put(repr(error))


@pytest.mark.slow
def test_three_processes_prepare_the_same(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    together, answers = spawn.Barrier(3), spawn.Queue()
    processes = [
        spawn.Process(target=load_and_tell, args=(tmp_path, together, answers)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    got = {answers.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert got == {datasets.load("simulated", data=tmp_path, patients=400).fingerprint}


def test_a_lock_that_cannot_be_had_is_one_line(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(MachineError, match="locks do not work"), store.lock(tmp_path / "key"):
        raise AssertionError


# --- damaged files in the whole


def damage(root: Path, *numbers: int) -> None:
    for number in numbers:
        (root / f"p{number:04d}.png").write_bytes(b"cut")


def test_a_damaged_file_in_a_hundred_is_left_out_and_noted(tmp_path):
    root = tmp_path / "release"
    cohort = make_large_cohort(root, 200, blank={7})
    damage(root, 150, 20)
    opened = prepare(cohort, tmp_path / "key")
    assert opened.notes == (
        "1 records dropped: blank picture",
        "2 of 200 records left out: their files are damaged, the first in row 22 of table.csv",
    )
    assert opened.records["patient_id"].tolist() == [
        f"q{k // 2}" for k in range(200) if k not in (7, 20, 150)
    ]
    table = pd.read_parquet(tmp_path / "key" / "files.parquet")
    left_out = table["left_out"][table["left_out"] != ""]
    assert left_out.index.tolist() == [7, 20, 150]
    assert "cannot identify" in left_out[20]
    assert not any(name in str(opened.notes) for name in ("p0020", "png", str(root)))


def test_the_notes_are_the_same_however_the_work_was_shared(tmp_path, release):
    cohort, meant = release
    for number in range(3):
        assert prepare(cohort, tmp_path / str(number) / "key").notes == meant.notes


def test_a_damaged_file_that_is_mended_is_prepared_anew(tmp_path):
    root = tmp_path / "release"
    cohort = make_large_cohort(root, 130)
    whole = (root / "p0100.png").read_bytes()
    meant = prepare(cohort, tmp_path / "unhindered" / "key")
    damage(root, 100)
    assert len(prepare(cohort, tmp_path / "data" / "key")) == 129
    assert store.is_current(tmp_path / "data" / "key", root)
    (root / "p0100.png").write_bytes(whole)
    assert not store.is_current(tmp_path / "data" / "key", root)
    check_whole(prepare(cohort, tmp_path / "data" / "key"), meant)


@pytest.mark.parametrize(
    ("pool", "test", "refused"), [((3,), (), False), ((), (3,), False), ((3,), (5,), True)]
)
def test_the_hundredth_is_of_pool_and_test_set_together(tmp_path, pool, test, refused):
    cohort = make_large_cohort(tmp_path / "pool", 130)
    other = make_large_cohort(tmp_path / "test", 40)
    ids = "t" + other.records["patient_id"]
    other = dataclasses.replace(other, records=other.records.assign(patient_id=ids))
    damage(tmp_path / "pool", *pool)
    damage(tmp_path / "test", *test)
    both = dataclasses.replace(cohort, test=other)
    if refused:
        with pytest.raises(InputError, match=r"p0005.*fetch this file again"):
            prepare(both, tmp_path / "data" / "key")
        return
    opened = prepare(both, tmp_path / "data" / "key")
    assert (len(opened), len(opened.test)) == (130 - len(pool), 40 - len(test))


def test_what_is_written_wrongly_is_never_put_in_place(tmp_path, monkeypatch):
    """As by a disk or a memory that changes a bit."""
    write = inputs.write_array

    def write_wrongly(path, array):
        write(path, np.where(np.arange(len(array))[:, None] == 7, 0, array).astype(array.dtype))

    with monkeypatch.context() as patched:
        patched.setattr(inputs, "write_array", write_wrongly)
        with pytest.raises(MachineError, match="not on disk as it was meant"):
            store.save(make_cohort(test=make_test_set()), tmp_path / "key")
    assert not list(tmp_path.iterdir())
    store.save(make_cohort(test=make_test_set()), tmp_path / "key")


def test_marks_are_of_what_is_on_disk(tmp_path):
    kept = chunks.open_chunks(tmp_path, 100, (2, 3), "int16")
    block = np.arange(64 * 6, dtype=np.int16).reshape(64, 2, 3)
    dropped = [chunks.Dropped(3, "blank", False), chunks.Dropped(9, "cut\nshort \u00e9", True)]
    digest = chunks.write_chunk(kept, 0, block, dropped)
    assert chunks.digest_chunk(kept, 0) == digest
    assert chunks.read_dropped(kept, 0) == dropped
    assert chunks.read_dropped(kept, 1) == []
    assert (np.load(tmp_path / "decoded.npy")[:64] == block).all()
    mark = bytes(range(chunks.MARK_BYTES))
    chunks.mark_chunk(kept, 1, mark)
    assert chunks.read_marks(kept) == [bytes(chunks.MARK_BYTES), mark]
    chunks.mark_chunk(kept, 1)
    assert not any(map(any, chunks.read_marks(kept)))
