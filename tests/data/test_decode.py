"""Files decoded in parallel or here, whole or resumed, dropped or refused."""

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rollcall.data import decode
from rollcall.data.decode import FILES_PER_CHUNK, decode_files, require_files
from rollcall.data.disk.chunks import Dropped
from rollcall.datasets.parts.images import decode_image
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from tests.data.made_up import (
    SIZE,
    decode_plainly,
    decode_unless_blank,
    make_files,
    write_images,
)
from tests.datasets.quick import Threads

TOP = Path(__file__).parents[2]


@pytest.fixture
def threads(monkeypatch):
    """Decode by threads: processes take seconds to start."""
    monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", Threads)


def refuse_pool(*arguments):
    raise AssertionError("a pool of processes was started")


@pytest.mark.parametrize("count", [150, FILES_PER_CHUNK])
def test_every_file_is_in_its_place(tmp_path, count, monkeypatch):
    if count == FILES_PER_CHUNK:  # as when it is the only chunk
        monkeypatch.setattr(decode.futures, "ProcessPoolExecutor", refuse_pool)
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, count, blank={3, count - 1})
    out.mkdir()
    steps = []
    files = make_files(root, names, np.arange(count) % 5)
    array, dropped = decode_files(files, out, steps.append, workers=2)
    assert array.shape == (count, SIZE, SIZE, 1)
    assert dropped == [Dropped(each, "blank picture", False) for each in (3, count - 1)]
    for number, name in enumerate(names):
        expected = (
            0 if number in (3, count - 1) else decode_plainly(root, name) + np.uint8(number % 5)
        )
        assert (array[number] == expected).all()
    assert steps == sorted(steps)
    assert steps[-1] == count


def test_a_chunk_decoded_here_is_the_same_as_in_a_process(tmp_path, monkeypatch):
    root = tmp_path / "release"
    names = write_images(root, 50, blank={7})
    (root / names[9]).write_bytes((root / names[9]).read_bytes()[:60])
    (root / names[20]).unlink()
    outcomes = []
    run = decode._run
    for least in (0, 2):  # calls that the pool gets, at least
        out = tmp_path / f"out{least}"
        out.mkdir()
        monkeypatch.setattr(
            decode,
            "_run",
            lambda calls, count, workers, least=least: run(calls, max(count, least), workers),
        )
        with pytest.raises(InputError) as caught:
            decode_files(make_files(root, names), out)
        outcomes.append((str(caught.value), {p: p.read_bytes() for p in sorted(out.glob("*.npy"))}))
        outcomes[-1][1].update({p: p.read_bytes() for p in sorted(out.glob("dropped/*"))})
    assert outcomes[0][0] == outcomes[1][0]
    assert "(2 such files)" in outcomes[0][0]
    assert list(outcomes[0][1].values()) == list(outcomes[1][1].values())


def test_it_goes_on_where_it_was_and_decodes_what_changed(tmp_path, threads):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, 200)
    out.mkdir()
    (root / names[70]).write_bytes((root / names[70]).read_bytes()[:60])
    with pytest.raises(
        InputError, match=r"p0070.png \(table.csv: row 72\): .*fetch this file again$"
    ):
        decode_files(make_files(root, names), out, workers=1, most_damaged=0)
    write_images(tmp_path / "again", 200)
    os.replace(tmp_path / "again" / names[70], root / names[70])
    first = []
    array, _ = decode_files(make_files(root, names), out, first.append, workers=1)
    assert first[0] <= 136  # never the chunk of 64 with the damaged file
    assert (array[70] == decode_plainly(root, names[70])).all()
    assert (array[199] == decode_plainly(root, names[199])).all()
    again = []
    decode_files(make_files(root, names), out, again.append, workers=1)
    assert again == [200]


SLOWLY = """
import sys, time
from functools import partial
from pathlib import Path
from dataclasses import replace
import numpy as np
from rollcall.data.decode import decode_files
from tests.data.made_up import decode_unless_blank, make_files

def decode_slowly(path, shift):
    time.sleep(0.05)
    return decode_unless_blank(path, shift)

if __name__ == "__main__":
    root, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(exist_ok=True)
    files = make_files(root, np.array(sorted(path.name for path in root.iterdir()), object))
    if len(files) <= 64:
        files = replace(files, decode=decode_slowly)
    decode_files(files, out, workers=1)
"""


def start_and_kill(tmp_path: Path, root: Path, killed_when) -> None:
    """Decode `root` in a process of its own, and kill that as soon as a condition holds."""
    script = tmp_path / "script.py"
    script.write_text(SLOWLY)
    process = subprocess.Popen(
        [sys.executable, script, root, tmp_path / "out"],
        env=os.environ | {"PYTHONPATH": str(TOP)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not killed_when():
        time.sleep(0.01)
    assert killed_when()
    os.killpg(process.pid, 9)
    process.wait()


@pytest.mark.slow
def test_a_killed_preparation_is_resumed(tmp_path):
    root, done = tmp_path / "release", tmp_path / "out" / "done.npy"
    names = write_images(root, 64 * 30)

    def killed_when():
        return done.exists() and done.stat().st_size > 128 and np.load(done).any(1).sum() > 2

    start_and_kill(tmp_path, root, killed_when)
    steps = []
    array, _ = decode_files(make_files(root, names), tmp_path / "out", steps.append, workers=1)
    assert steps[0] > 0
    assert all((array[k] == decode_plainly(root, name)).all() for k, name in enumerate(names))


def test_a_chunk_killed_while_it_is_decoded_here_is_decoded_again(tmp_path):
    root, done = tmp_path / "release", tmp_path / "out" / "done.npy"
    names = write_images(root, 64)
    start_and_kill(tmp_path, root, lambda: done.exists() and done.stat().st_size > 128)
    assert not np.load(done).any()
    steps = []
    array, _ = decode_files(make_files(root, names), tmp_path / "out", steps.append)
    assert steps == [0, 64]
    assert all((array[k] == decode_plainly(root, name)).all() for k, name in enumerate(names))


@pytest.mark.parametrize("name", ["decoded.npy", "done.npy"])
def test_a_file_that_a_kill_left_empty_is_begun_anew(tmp_path, name):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, 20)
    out.mkdir()
    decode_files(make_files(root, names), out)
    (out / name).write_bytes(b"")
    steps = []
    array, _ = decode_files(make_files(root, names), out, steps.append)
    assert steps == [0, 20]
    assert (array[19] == decode_plainly(root, names[19])).all()


def test_reasons_of_more_files_than_there_are_now_are_forgotten(tmp_path, threads):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, FILES_PER_CHUNK + 6, blank={FILES_PER_CHUNK + 5})
    out.mkdir()
    assert decode_files(make_files(root, names), out)[1]
    assert decode_files(make_files(root, names[:20]), out)[1] == []


def link_out(path: Path) -> None:
    path.unlink()
    os.symlink("/etc/passwd", path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "cannot identify image"),
        (lambda path: path.write_bytes(b"<html>not found</html>"), "cannot identify image"),
        (lambda path: Image.fromarray(np.zeros((9, 9), np.uint16)).save(path), "mode 'I;16'"),
        (link_out, "leads out of the root"),
        (
            lambda path: Image.fromarray(np.ones((9, 9), np.uint8)).save(path, format="TIFF"),
            "cannot identify image",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_row(tmp_path, damage, message):
    root = tmp_path / "release"
    names = write_images(root, 20)
    damage(root / names[4])
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=rf"p0004.png \(table.csv: row 6\): .*{message}") as caught:
        decode_files(make_files(root, names), tmp_path / "out", workers=1)
    assert "\n" not in str(caught.value)


def test_a_link_out_is_named_however_long_its_path_is(tmp_path):
    root = tmp_path / "/".join(["a folder with a long name"] * 8)
    names = write_images(root, 2)
    link_out(root / names[1])
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="leads out of the root"):
        decode_files(make_files(root, names), tmp_path / "out")


def test_a_folder_mended_between_two_calls_is_looked_at_again(tmp_path):
    """The second call is in the same process: nothing of the first may be remembered."""
    root, out, outside = tmp_path / "release", tmp_path / "out", tmp_path / "outside"
    names = write_images(root / "films", 3)
    out.mkdir()
    os.rename(root / "films", outside)
    os.symlink(outside, root / "films", target_is_directory=True)
    files = make_files(root, np.array([f"films/{name}" for name in names], object))
    with pytest.raises(InputError, match="leads out of the root"):
        decode_files(files, out)
    (root / "films").unlink()
    os.rename(outside, root / "films")
    array, _ = decode_files(files, out)
    assert (array[2] == decode_plainly(root / "films", names[2])).all()


def test_too_many_damaged_files_stop_it(tmp_path, threads):
    root = tmp_path / "release"
    names = write_images(root, 300)
    for name in names:
        (root / name).write_bytes(b"cut")
    (tmp_path / "out").mkdir()
    steps = []
    with pytest.raises(InputError, match=r"\(64 such files\)"):
        decode_files(make_files(root, names), tmp_path / "out", steps.append, workers=1)
    assert steps == [0, 64]


@pytest.mark.parametrize(
    ("count", "damaged", "refused"),
    [(99, 1, True), (100, 1, False), (199, 2, True), (200, 2, False), (200, 3, True)],
)
def test_one_file_in_a_hundred_may_be_damaged(tmp_path, threads, count, damaged, refused):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, count, blank={0})
    out.mkdir()
    broken = list(range(count - 1, count - 1 - 30 * damaged, -30))
    for number in broken:
        (root / names[number]).write_bytes(b"cut")
    files = make_files(root, names)
    if refused:
        such = rf".*\({damaged} such files\)$" if damaged > 1 else ".*again$"
        for _ in range(2):  # and nothing is believed of the chunks they are in
            with pytest.raises(InputError, match=rf"p{min(broken):04d}.png {such}"):
                decode_files(files, out, workers=1)
        for number in broken:
            write_images(tmp_path / "again", number + 1)
            os.replace(tmp_path / "again" / names[number], root / names[number])
        array, dropped = decode_files(files, out, workers=1)
        assert [each.record for each in dropped] == [0]
        assert (array[-1] == decode_plainly(root, names[-1])).all()
        return
    for _ in range(2):
        array, dropped = decode_files(files, out, workers=1)
        assert [(each.record, each.damaged) for each in dropped] == [
            (0, False),
            *((number, True) for number in sorted(broken)),
        ]
        assert not array[broken].any()
        assert (array[1] == decode_plainly(root, names[1])).all()


def test_a_damaged_file_that_is_mended_is_decoded(tmp_path, threads):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, 200)
    whole = (root / names[130]).read_bytes()
    (root / names[130]).write_bytes(whole[:60])
    out.mkdir()
    assert len(decode_files(make_files(root, names), out, workers=1)[1]) == 1
    (root / names[130]).write_bytes(whole)
    steps = []
    array, dropped = decode_files(make_files(root, names), out, steps.append, workers=1)
    assert steps == [136, 200]
    assert not dropped
    assert (array[130] == decode_plainly(root, names[130])).all()


# --- what the machine refuses is no damage


def refuse_one(path: Path, shift: int, error: BaseException | None = None) -> np.ndarray:
    if error is not None and path.name == "p0011.png":
        raise error
    return decode_unless_blank(path, shift)


@pytest.mark.parametrize(
    ("error", "match"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "too many open files"),
        (OSError(errno.EIO, "Input/output error"), "failed to read or write"),
        (PermissionError(errno.EACCES, "Permission denied"), "no permission"),
        (OSError(errno.ESTALE, "Stale file handle"), "network file system"),
        (MemoryError(), "too little memory"),
        (OSError("out of memory error when reading image file"), "too little memory"),
        (RuntimeError("libx: [Errno 24] Too many open files"), "too many open files"),
    ],
)
@pytest.mark.parametrize("most_damaged", [0, 50])
def test_a_fault_of_the_machine_is_never_damage(tmp_path, error, match, most_damaged):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, 20)
    out.mkdir()
    files = make_files(root, names)
    with pytest.raises(MachineError, match=match) as caught:
        decode_files(
            replace(files, decode=partial(refuse_one, error=error)), out, most_damaged=most_damaged
        )
    assert "\n" not in str(caught.value)
    assert "p0011.png" in str(caught.value)
    assert "fetch" not in str(caught.value)
    steps = []
    array, dropped = decode_files(files, out, steps.append)
    assert steps == [0, 20]
    assert not dropped
    assert (array[11] == decode_plainly(root, names[11])).all()


@pytest.mark.parametrize("shape", ["a folder", "a loop", "below a file", "a long name"])
def test_a_path_that_is_no_file_is_damage_of_the_release(tmp_path, shape):
    root = tmp_path / "release"
    names = write_images(root, 20)
    path = root / names[4]
    path.unlink()
    if shape == "a folder":
        path.mkdir()
    elif shape == "a loop":
        path.symlink_to(path)
    elif shape == "below a file":
        names[4] = f"{names[5]}/p0004.png"
    else:
        names[4] = "p0004" * 100
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"p0004.*row 6\)"):
        decode_files(make_files(root, names), tmp_path / "out")


def kill_me(path: Path, shift: int) -> np.ndarray:
    os.kill(os.getpid(), 9)
    raise AssertionError


@pytest.mark.slow
def test_a_killed_process_of_the_pool_is_one_line(tmp_path):
    names = write_images(tmp_path / "release", 65)
    (tmp_path / "out").mkdir()
    files = replace(make_files(tmp_path / "release", names), decode=kill_me)
    with pytest.raises(MachineError, match=r"killed.*memory"):
        decode_files(files, tmp_path / "out", workers=1)


def test_what_does_not_read_back_is_said_and_decoded_again(tmp_path, monkeypatch):
    """As of a disk that loses what it was given after it said that it had it."""
    root, out = tmp_path / "release", tmp_path / "out"
    names = write_images(root, 20)
    out.mkdir()

    def lose(path):
        with open(path, "r+b") as file:
            file.seek(-40, os.SEEK_END)
            file.write(bytes(20))

    with monkeypatch.context() as patched:
        patched.setattr(decode, "forget_cached", lose)
        with pytest.raises(MachineError, match="1 of 1 parts are not on disk"):
            decode_files(make_files(root, names), out)
    steps = []
    array, _ = decode_files(make_files(root, names), out, steps.append)
    assert steps == [0, 20]
    assert (array[19] == decode_plainly(root, names[19])).all()


def test_required_files(tmp_path):
    names = write_images(tmp_path, 5)
    assert len(require_files(make_files(tmp_path, names))) == 5
    (tmp_path / names[1]).unlink()
    (tmp_path / names[3]).unlink()
    with pytest.raises(
        InputError, match=r"table.csv: row 3: .*p0001.png does not exist \(2 such rows\)"
    ):
        require_files(make_files(tmp_path, names))


MEASURED = """
import resource, sys
from functools import partial
from pathlib import Path
import numpy as np
from rollcall.data.decode import FileInputs, decode_files
from rollcall.datasets.parts.images import decode_image

if __name__ == "__main__":
    root, out, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    out.mkdir()
    names = np.array([path.name for path in sorted(root.iterdir())] * count, object)[:count]
    decode = partial(decode_image, height=112, width=112, mode="L")
    shape = (112, 112, 1)
    files = FileInputs(root, names, decode, shape, "uint8", root, np.arange(count))
    decode_files(files, out, workers=1)
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        print(resource.getrusage(who).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    """The peaks of parent and child for 4 times the files are the same within 3 MB.

    One array of these files would be 29 MB more.
    """
    root = tmp_path / "release"
    write_images(root, 100)
    script = tmp_path / "script.py"
    script.write_text(MEASURED)
    peaks = []
    for count in (800, 3200):
        done = subprocess.run(
            [sys.executable, script, root, tmp_path / f"out{count}", str(count)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(TOP)},
        )
        peaks.append([int(line) / 1024 for line in done.stdout.split()])
    (parent, child), (later_parent, later_child) = peaks
    assert later_parent - parent < 3, peaks
    assert later_child - child < 3, peaks


def test_images_are_pillows_own(tmp_path):
    rng = np.random.default_rng(1)
    for mode, pixels in (
        ("L", rng.integers(0, 255, (30, 40), np.uint8)),
        ("RGB", rng.integers(0, 255, (30, 40, 3), np.uint8)),
    ):
        Image.fromarray(pixels).save(tmp_path / "a.png")
        array = partial(decode_image, height=10, width=12, mode=mode)(tmp_path / "a.png")
        expected = np.asarray(
            Image.fromarray(pixels).resize((12, 10), Image.Resampling.BICUBIC)
        ).reshape(10, 12, -1)
        assert array.dtype == np.uint8
        assert (array == expected).all()
