"""Preparing: files decoded in parallel, whole or resumed, dropped or refused, and a cache that knows the release it came from."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall.data import cohort as cohorts_on_disk
from rollcall.data import decode as prepare
from rollcall.data import store
from rollcall.data.cohort import Cohort
from rollcall.datasets.parts.images import decode_image
from rollcall.util.errors import InputError

SIZE = 8


def blank_is_dropped(path: Path, shift: int) -> np.ndarray:
    array = decode_image(path, SIZE, SIZE, "L")
    if array.max() == 0:
        raise prepare.SkipRecord("blank picture")
    return array + np.uint8(shift)


def write(root: Path, count: int, blank=()) -> np.ndarray:
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = np.array([f"p{number:04d}.png" for number in range(count)], object)
    for number, name in enumerate(names):
        pixels = np.zeros((20, 16)) if number in blank else rng.integers(1, 200, (20, 16))
        Image.fromarray(pixels.astype(np.uint8)).save(root / name)
    return names


def files(root: Path, names, shifts=None) -> prepare.FileInputs:
    shifts = np.zeros(len(names), int) if shifts is None else shifts
    return prepare.FileInputs(
        root,
        names,
        blank_is_dropped,
        (SIZE, SIZE, 1),
        "uint8",
        root / "table.csv",
        np.arange(len(names)) + 2,
        (shifts,),
    )


def naive(root: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(root / name).resize((SIZE, SIZE), Image.Resampling.BICUBIC))[
        :, :, None
    ]


def test_every_file_is_in_its_place(tmp_path):
    names = write(tmp_path / "release", 150, blank={3, 149})
    (tmp_path / "out").mkdir()
    seen = []
    array, dropped = prepare.decode_files(
        files(tmp_path / "release", names, np.arange(150) % 5),
        tmp_path / "out",
        seen.append,
        workers=2,
    )
    assert array.shape == (150, SIZE, SIZE, 1)
    assert dropped == {
        3: "blank picture",
        149: "blank picture",
    }
    for number, name in enumerate(names):
        expected = (
            0 if number in dropped else naive(tmp_path / "release", name) + np.uint8(number % 5)
        )
        assert (array[number] == expected).all()
    assert seen == sorted(seen)
    assert seen[-1] == 150


def test_it_goes_on_where_it_was_and_decodes_what_changed(tmp_path):
    root, out = tmp_path / "release", tmp_path / "out"
    names = write(root, 200)
    out.mkdir()
    (root / names[70]).write_bytes((root / names[70]).read_bytes()[:60])
    with pytest.raises(
        InputError, match=r"p0070.png \(table.csv: row 72\): .*fetch this file again$"
    ):
        prepare.decode_files(files(root, names), out, workers=1)
    write(tmp_path / "again", 200)
    os.replace(tmp_path / "again" / names[70], root / names[70])
    first = []
    array, _ = prepare.decode_files(files(root, names), out, first.append, workers=1)
    assert first[0] == 136  # all but the chunk of 64 with the damaged file
    assert (array[70] == naive(root, names[70])).all()
    assert (array[199] == naive(root, names[199])).all()
    again = []
    prepare.decode_files(files(root, names), out, again.append, workers=1)
    assert again == [200]


def test_a_killed_preparation_is_resumed(tmp_path):
    root = tmp_path / "release"
    names = write(root, 64 * 30)
    code = (
        "import sys, numpy as np; from pathlib import Path; from tests.data.test_decode import files; from rollcall.data import decode as prepare\n"
        "if __name__ == '__main__':\n"
        "    root, out = Path(sys.argv[1]), Path(sys.argv[2]); out.mkdir(exist_ok=True)\n"
        "    prepare.decode_files(files(root, np.array(sorted(p.name for p in root.iterdir()), object)), out, workers=1)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, script, root, tmp_path / "out"],
        env=environment,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    done = tmp_path / "out" / "done.npy"
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not (
        done.exists() and done.stat().st_size > 128 and np.load(done).any(1).sum() > 2
    ):
        time.sleep(0.01)
    os.killpg(process.pid, 9)
    process.wait()
    seen = []
    array, _ = prepare.decode_files(files(root, names), tmp_path / "out", seen.append, workers=1)
    assert seen[0] > 0
    assert all((array[k] == naive(root, name)).all() for k, name in enumerate(names))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "cannot identify image"),
        (lambda path: path.write_bytes(b"<html>not found</html>"), "cannot identify image"),
        (lambda path: Image.fromarray(np.zeros((9, 9), np.uint16)).save(path), "mode 'I;16'"),
        (lambda path: (path.unlink(), os.symlink("/etc/passwd", path)), "leads out of the root"),
        (
            lambda path: Image.fromarray(np.ones((9, 9), np.uint8)).save(path, format="TIFF"),
            "cannot identify image",
        ),
    ],
)
def test_a_damaged_file_is_named_with_its_row(tmp_path, damage, message):
    root = tmp_path / "release"
    names = write(root, 20)
    damage(root / names[4])
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=rf"p0004.png \(table.csv: row 6\): .*{message}") as caught:
        prepare.decode_files(files(root, names), tmp_path / "out", workers=1)
    assert "\n" not in str(caught.value)


def test_required_files(tmp_path):
    names = write(tmp_path, 5)
    (tmp_path / names[1]).unlink(), (tmp_path / names[3]).unlink()
    with pytest.raises(
        InputError, match=r"table.csv: row 3: .*p0001.png does not exist \(2 such rows\)"
    ):
        prepare.require_files(files(tmp_path, names))


# --- a whole cohort ---------------------------------------------------------------------------------------------------------------


def cohort(root: Path, names) -> Cohort:
    count = len(names)
    records = pd.DataFrame(
        {
            "patient_id": [f"q{number // 2}" for number in range(count)],
            "group": pd.Categorical(["a", "b"] * (count // 2)),
        }
    )
    return Cohort(
        "made up",
        records,
        files(root, names),
        np.arange(count) % 2,
        "binary",
        ("no", "yes"),
        ("group",),
    )


def test_a_cohort_is_saved_without_its_dropped_records(tmp_path):
    names = write(tmp_path / "release", 80, blank={0, 1, 7})
    progress = []
    store.save(
        cohorts_on_disk.validate(cohort(tmp_path / "release", names)),
        tmp_path / "data" / "key",
        lambda *a: progress.append(a),
    )
    opened = store.open_saved(tmp_path / "data" / "key")
    kept = np.setdiff1d(np.arange(80), [0, 1, 7])
    assert len(opened) == 77
    assert opened.notes == ("3 records dropped: blank picture",)
    assert opened.labels.tolist() == (kept % 2).tolist()
    assert opened.records["patient_id"].tolist() == [f"q{k // 2}" for k in kept]
    assert all(
        (opened.inputs[place] == naive(tmp_path / "release", names[k])).all()
        for place, k in enumerate(kept)
    )
    assert progress[-1] == (80, 80)
    left = {path.name for path in (tmp_path / "data" / "key").iterdir()}
    assert left == {"inputs.npy", "labels.npy", "records.parquet", "cohort.json", "files.parquet"}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["key"]


def test_the_cache_knows_the_files_it_came_from(tmp_path):
    root, folder = tmp_path / "release", tmp_path / "data" / "key"
    names = write(root, 40)
    assert not store.is_current(folder, root)
    store.save(cohort(root, names), folder)
    before = store.open_saved(folder).fingerprint
    assert store.is_current(folder, root)
    Image.fromarray(np.full((20, 16), 9, np.uint8)).save(root / names[5])
    assert not store.is_current(folder, root)
    store.save(cohort(root, names), folder)
    after = store.open_saved(folder)
    assert store.is_current(folder, root)
    assert after.fingerprint != before
    assert (after.inputs[5] == 9).all()


def test_a_damaged_file_leaves_the_cache_as_it_was(tmp_path):
    root, folder = tmp_path / "release", tmp_path / "data" / "key"
    names = write(root, 40)
    store.save(cohort(root, names), folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (root / names[5]).write_bytes(b"cut")
    with pytest.raises(InputError):
        store.save(cohort(root, names), folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    """The parent's peak, beyond what it starts with, for 4 times the files: the same within 3 MB (one array of them would be 29 MB more)."""
    root = tmp_path / "release"
    write(root, 100)
    code = (
        "import sys, resource, numpy as np; from functools import partial; from pathlib import Path; from rollcall.data import decode as prepare\n"
        "from rollcall.datasets.parts.images import decode_image\n"
        "if __name__ == '__main__':\n"
        "    root, out, n = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]); out.mkdir()\n"
        "    names = np.array([p.name for p in sorted(root.iterdir())] * n, object)[:n]\n"
        "    f = prepare.FileInputs(root, names, partial(decode_image, height=112, width=112, mode='L'), (112, 112, 1), 'uint8', root, np.arange(n))\n"
        "    prepare.decode_files(f, out, workers=1)\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    peaks = []
    for count in (800, 3200):
        done = subprocess.run(
            [sys.executable, script, root, tmp_path / f"out{count}", str(count)],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        peaks.append([int(part) / 1024 for part in done.stdout.split()])
    assert peaks[1][0] - peaks[0][0] < 3 and peaks[1][1] - peaks[0][1] < 3, peaks


def test_pictures_are_pillows_own(tmp_path):
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
