import numpy as np
import pandas as pd
import pytest

from rollcall.datasets.described.features.page import describe
from rollcall.datasets.described.records.opening import guess_files

COUNT = 60


def write(root, ending, folder=""):
    (root / folder).mkdir(exist_ok=True)
    for k in range(COUNT):
        (root / folder / f"r{k}{ending}").touch()


def make_table(names):
    return pd.DataFrame({"age": np.arange(COUNT).astype(str), "name": names, "ill": "1"})


@pytest.mark.parametrize(
    ("ending", "written", "form"),
    [
        (".png", "r{}", ""),
        (".JPG", "R{}.jpg", ""),
        (".dcm", "r{}", ""),
        (".npy", "r{}.npy", "npy"),
        (".edf", "r{}", "edf"),
        (".hea", "r{}", "wfdb"),
        (".hea", "there/r{}.dat", "wfdb"),
        (".png", "/study/r{}.png", ""),
    ],
)
def test_the_column_that_names_files_is_found_with_their_format(ending, written, form, tmp_path):
    write(tmp_path, ending, "there")
    table = make_table([written.format(k) for k in range(COUNT)])
    assert guess_files(tmp_path, table) == ("name", form)


@pytest.mark.parametrize(
    ("ending", "names"),
    [
        (".txt", [f"r{k}" for k in range(COUNT)]),
        (".png", [f"p{k}" for k in range(COUNT)]),
        (".png", ["r1", "r2"] * (COUNT // 2)),
        (".png", [f"r{k}" if k % 5 else f"gone{k}" for k in range(COUNT)]),
        (".png", [""] * COUNT),
    ],
)
def test_no_other_column_is_taken_for_one(ending, names, tmp_path):
    write(tmp_path, ending)
    assert guess_files(tmp_path, make_table(names)) == ("", "")


def test_what_lies_behind_links_is_not_looked_at(tmp_path):
    (tmp_path / "here").mkdir()
    write(tmp_path, ".png", "elsewhere")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    assert guess_files(tmp_path / "here", make_table([f"r{k}" for k in range(COUNT)])) == ("", "")


def test_a_first_description_names_the_files(tmp_path):
    write(tmp_path, ".edf", "signals")
    rows = [f"r{k},{k},{k % 2}" for k in range(COUNT)]
    (tmp_path / "hearts.csv").write_text("\n".join(["recording,bmi,died", *rows]) + "\n")
    made = describe(tmp_path / "hearts.csv")
    text = (tmp_path / "cohort.toml").read_text()
    assert 'files = "recording"' in text
    assert 'format = "edf"' in text
    assert "drop" not in text
    assert made.description.kind == "signals"
    assert any("no input: files are" in line for line in made.lines)
    again = describe(tmp_path / "hearts.csv")
    assert (again.written, again.description.files) == (False, "recording")
