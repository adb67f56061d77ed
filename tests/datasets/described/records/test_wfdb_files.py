import numpy as np
import pytest

from rollcall.datasets.described.records import wfdb_files
from rollcall.datasets.parts.signals import load_wfdb
from rollcall.util.errors import InputError
from tests.datasets.described.records.made_up import write_wfdb

STORED = np.random.default_rng(0).integers(-3000, 3000, (200, 3), np.int64).astype(np.int16)


def read(root, leads=(), seconds=0.0):
    return np.stack(wfdb_files.read(root / "r.hea", root, leads, seconds), axis=1)


def test_what_is_read_is_what_was_written(tmp_path):
    write_wfdb(tmp_path / "r", STORED, leads=["I", "II", "V1"])
    layout, name = wfdb_files.describe(tmp_path / "r.hea")
    assert (layout.leads, layout.units, name) == (("I", "II", "V1"), ("mV",) * 3, "r.dat")
    assert (layout.rates, layout.samples) == ((100.0,) * 3, (200,) * 3)
    np.testing.assert_allclose(read(tmp_path), STORED / 1000)
    np.testing.assert_allclose(read(tmp_path, ("v1", "I"), 0.5)[:50], STORED[:50, [2, 0]] / 1000)


def test_gain_baseline_and_unit_are_the_headers(tmp_path):
    write_wfdb(tmp_path / "r", STORED, gain=200.0, baseline=-12, unit="mmHg", rate=125.5)
    layout, _ = wfdb_files.describe(tmp_path / "r.hea")
    assert (layout.units[0], layout.rates[0]) == ("mmHg", 125.5)
    np.testing.assert_allclose(read(tmp_path), (STORED + 12.0) / 200)


def test_invalid_samples_are_not_numbers(tmp_path):
    stored = STORED.copy()
    stored[5, 1] = -32768
    write_wfdb(tmp_path / "r", stored)
    assert np.argwhere(np.isnan(read(tmp_path))).tolist() == [[5, 1]]


@pytest.mark.filterwarnings("ignore")  # wfdb is not up to pandas 3.1
@pytest.mark.parametrize("fmt", ["16", "212", "80", "24", "32"])
def test_formats_that_wfdb_writes(fmt, tmp_path):
    values = np.sin(np.arange(400) / 20)[:, None] * [1.0, 0.5]
    load_wfdb().wrsamp(
        "r", 100, ["mV", "mV"], ["a", "b"], values, fmt=[fmt] * 2, write_dir=str(tmp_path)
    )
    np.testing.assert_allclose(read(tmp_path), values, atol=0.02)


def test_the_challenges_mat_files_are_read_behind_their_head(tmp_path):
    """PhysioNet's challenges since 2020: version 4 MAT files, 24 bytes before the samples."""
    write_wfdb(tmp_path / "r", STORED)
    header = (tmp_path / "r.hea").read_text().replace("r.dat 16 ", "r.mat 16+24 ")
    (tmp_path / "r.hea").write_text(header)
    (tmp_path / "r.mat").write_bytes(b"\0" * 24 + (tmp_path / "r.dat").read_bytes())
    (tmp_path / "r.dat").unlink()
    assert wfdb_files.describe(tmp_path / "r.hea")[1] == "r.mat"
    np.testing.assert_allclose(read(tmp_path), STORED / 1000)


def test_a_long_recording_is_read_as_far_as_it_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setattr(wfdb_files, "WHOLE_SAMPLES", 100)
    write_wfdb(tmp_path / "r", STORED, leads=["I", "II", "V1"])
    np.testing.assert_allclose(read(tmp_path, ("V1", "I"), 0.5)[:50], STORED[:50, [2, 0]] / 1000)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "first line"),
        (lambda text: text.replace("r 3 100 200", "r/2 3 100 200"), "several segments"),
        (lambda text: text.replace("r 3 100 200", "r 3 100"), "first line"),
        (lambda text: text.replace("r 3 100 200", "r 2 100 200"), "describes 3 channels"),
        (lambda text: text.replace("r 3 100 200", "r 3 0 200"), "sampling rate '0'"),
        (lambda text: text.replace("r 3 100 200", "r 3 100 0"), "no length"),
        (lambda text: text.replace("r.dat", "/etc/passwd"), "signal file '/etc/passwd'"),
        (lambda text: text.replace("r.dat", "../r.dat"), r"signal file '\.\./r.dat'"),
        (lambda text: text.replace("r.dat", "other.dat"), "signal file 'other.dat'"),
        (lambda text: text.replace("r.dat", "~", 1), "signal file"),
        (lambda text: text.replace(" 0 L1", " 0 \u00e9"), "ASCII"),
        (lambda text: text.replace(" 0 L1", "9 0 L1"), "checksums|first|describes|."),
    ],
)
def test_a_damaged_header_says_so(change, says, tmp_path):
    write_wfdb(tmp_path / "r", STORED)
    header = tmp_path / "r.hea"
    header.write_text(change(header.read_text()))
    with pytest.raises((ValueError, OSError), match=says):
        read(tmp_path)


def test_signals_that_do_not_fit_their_header_are_damaged(tmp_path):
    write_wfdb(tmp_path / "r", STORED)
    data = tmp_path / "r.dat"
    whole = data.read_bytes()
    data.write_bytes(whole[:-6] + b"\0" * 6)
    with pytest.raises(ValueError, match="checksums"):
        read(tmp_path)
    data.write_bytes(whole[:600])
    with pytest.raises(ValueError, match=r"."):
        read(tmp_path)
    data.unlink()
    with pytest.raises(OSError, match=r"r\.dat"):
        read(tmp_path)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    write_wfdb(tmp_path / "elsewhere" / "r", STORED)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "r.hea").write_bytes((tmp_path / "elsewhere" / "r.hea").read_bytes())
    (tmp_path / "here" / "r.dat").symlink_to(tmp_path / "elsewhere" / "r.dat")
    with pytest.raises(InputError, match="leads out of the root"):
        read(tmp_path / "here")
