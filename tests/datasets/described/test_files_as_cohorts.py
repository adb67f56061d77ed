"""Pictures and recordings with a table, from the description to the prepared cohort."""

import numpy as np
import pytest

from rollcall import datasets
from rollcall.util.errors import InputError
from tests.datasets.described.records.made_up import write_edf, write_picture, write_wfdb

COUNT = 40
RNG = np.random.default_rng(0)


def write_table(root, **more):
    """A table of 40 rows of 20 patients, and a description of it."""
    rows = [
        f"r{k},{k // 2},{'yes' if k % 2 else 'no'},{'f' if k % 4 < 2 else 'm'},{int(k > 31)}"
        for k in range(COUNT)
    ]
    (root / "mine.csv").write_text("\n".join(["file,who,ill,sex,later", *rows]) + "\n")
    lines = {
        "label": '"ill"',
        "patient": '"who"',
        "groups": '["sex"]',
        "test": '"later"',
        "files": '"file"',
    } | more
    (root / "cohort.toml").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))


@pytest.fixture
def pictures(tmp_path):
    root = tmp_path / "faces"
    root.mkdir()
    for k in range(COUNT):
        write_picture(root / "all" / f"r{k}.png", k)
    write_table(root)
    return root


def prepared(data):
    return sorted(path.name for path in (data / "table" / "prepared").glob("[!.]*"))


def test_a_description_of_pictures_becomes_a_cohort(pictures, tmp_path):
    cohort = datasets.load("table", pictures, tmp_path / "data")
    assert (cohort.name, len(cohort), len(cohort.test)) == ("faces", 32, 8)
    assert cohort.inputs.shape == (32, 64, 64, 3)
    assert cohort.patients.tolist() == [str(number) for number in range(16)]
    assert cohort.records["sex"].astype(str).tolist()[:4] == ["f", "f", "m", "m"]
    assert cohort.restricted
    assert cohort.features == ()


@pytest.mark.parametrize(
    ("form", "write", "shape"),
    [
        ("wfdb", lambda path, x: write_wfdb(path, x), (32, 200, 2)),
        ("npy", lambda path, x: np.save(path.with_name(f"{path.name}.npy"), x), (32, 200, 2)),
        (
            "edf",
            lambda path, x: write_edf(
                path.with_name(f"{path.name}.edf"),
                {"a": x[:, 0], "b": x[:, 1]},
                {"a": 100, "b": 100},
            ),
            (32, 200, 2),
        ),
    ],
)
def test_a_description_of_recordings_becomes_a_cohort(form, write, shape, tmp_path):
    root = tmp_path / "hearts"
    root.mkdir()
    signals = RNG.integers(-900, 900, (COUNT, 200, 2)).astype(np.int16)
    for k, signal in enumerate(signals):
        write(root / f"r{k}", signal)
    write_table(root, format=f'"{form}"')
    cohort = datasets.load("table", root, tmp_path / "data")
    assert cohort.inputs.shape == shape
    factor = 0.1 if form == "edf" else 1
    np.testing.assert_allclose(cohort.inputs, signals[:32] * factor, rtol=1e-4, atol=1e-3)
    assert cohort.scale * np.std(np.array(cohort.inputs)) == pytest.approx(1, rel=0.05)
    assert cohort.test.scale == cohort.scale


def test_what_changes_is_prepared_anew_and_nothing_else(pictures, tmp_path):
    data = tmp_path / "data"
    first = datasets.load("table", pictures, data)
    assert datasets.load("table", pictures / "cohort.toml", data).folder == first.folder
    write_picture(pictures / "all" / "r0.png", 99)
    changed = datasets.load("table", pictures, data)
    assert changed.folder == first.folder
    assert changed.fingerprint != first.fingerprint
    write_table(pictures, size=16)
    smaller = datasets.load("table", pictures, data)
    assert smaller.inputs.shape[1:] == (16, 16, 3)
    assert len(prepared(data)) == 2


def test_copies_of_a_picture_are_kept_once_where_that_is_asked_for(pictures, tmp_path):
    copy = (pictures / "all" / "r0.png").read_bytes()
    (pictures / "all" / "r9.png").write_bytes(copy)
    both = datasets.load("table", pictures, tmp_path / "data")
    assert any("identical pictures" in note for note in both.notes)
    once = datasets.load("table", pictures, tmp_path / "data", duplicates="once")
    assert (len(both), len(once)) == (32, 31)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda root: (root / "all" / "r5.png").unlink(), "row 7, column 'file': 'r5'; no such"),
        (lambda root: (root / "all" / "r5.png").write_bytes(b""), r"r5.png \(mine.csv: row 7\)"),
        (lambda root: write_picture(root / "copy" / "r5.png"), "2 files go by this name"),
        (lambda root: write_table(root, folder='"alle"'), "alle is no folder"),
        (lambda root: write_table(root, files='"fil"'), "fil.*file"),
        (lambda root: write_table(root, size=4), "size = 4; expected"),
        (lambda root: write_table(root, mode='"colour"'), "mode = 'colour'; expected"),
        (lambda root: write_table(root, seconds=3), "seconds is of recordings; give format"),
        (lambda root: write_table(root, format='"mp3"'), "format = 'mp3'; expected"),
        (lambda root: write_table(root, format='"edf"', size=32), "size is of pictures"),
        (lambda root: write_table(root, format='"edf"'), "none of its 40 files"),
        (lambda root: write_table(root, format='"edf"', scale=-1), "scale = -1; expected"),
        (lambda root: write_table(root, format='"edf"', seconds=0), "seconds = 0; expected"),
    ],
)
def test_bad_descriptions_and_files_are_refused_and_nothing_is_left(
    damage, says, pictures, tmp_path
):
    damage(pictures)
    with pytest.raises(InputError, match=says) as refused:
        datasets.load("table", pictures, tmp_path / "data")
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "data").rglob("cohort.json"))
