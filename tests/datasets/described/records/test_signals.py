import numpy as np
import pytest

from rollcall.data import store
from rollcall.datasets.described.records.recordings import resample
from rollcall.datasets.described.records.signals import open_signals
from rollcall.util.errors import InputError
from tests.data.made_up import make_cohort
from tests.datasets.described.records.made_up import describe, make_table, write_edf, write_wfdb

COUNT = 40
NAMES = [f"r{number}" for number in range(COUNT)]
RNG = np.random.default_rng(0)
STORED = RNG.integers(-3000, 3000, (COUNT, 200, 3), np.int64).astype(np.int16)
LEADS = ["I", "II", "V1"]


def open_all(root, names=NAMES, **more):
    return open_signals(describe(root, **more), make_table(*names))


def prepare(root, files):
    store.save(make_cohort(inputs=files), root / "prepared")
    return store.open_saved(root / "prepared").inputs


def write_all(root, **more):
    for name, stored in zip(NAMES, STORED, strict=True):
        write_wfdb(root / "signals" / name, stored, **({"leads": LEADS} | more))


def test_millivolts_are_kept_as_whole_microvolts(tmp_path):
    write_all(tmp_path)
    files, scale, notes = open_all(tmp_path, format="wfdb", folder="signals")
    inputs = prepare(tmp_path, files)
    assert inputs.dtype == np.int16
    assert (inputs == STORED).all()
    assert scale == pytest.approx(1 / STORED.std(), rel=1e-3)
    assert notes[0] == "inputs: signals of 3 channels (I, II, V1), 200 samples at 100 Hz in uV"


@pytest.mark.parametrize("ending", ["", ".hea", ".dat", ".HEA"])
def test_records_are_named_with_any_ending_of_theirs(ending, tmp_path):
    write_all(tmp_path)
    files, _, _ = open_all(tmp_path, [f"r3{ending}", "signals/r5"], format="wfdb")
    assert files.every == [
        "signals/r3.hea",
        "signals/r5.hea",
        "signals/r3.dat",
        "signals/r5.dat",
    ]


def test_channels_seconds_and_scale_as_asked(tmp_path):
    write_all(tmp_path)
    files, scale, _ = open_all(tmp_path, format="wfdb", leads=["v1", "I"], seconds=0.5, scale=0.25)
    assert scale == 0.25
    assert (prepare(tmp_path, files) == STORED[:, :50, [2, 0]]).all()


def test_other_units_are_kept_as_they_are(tmp_path):
    write_all(tmp_path, unit="mmHg", gain=100.0)
    files, _, notes = open_all(tmp_path, format="wfdb")
    inputs = prepare(tmp_path, files)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, STORED / 100, rtol=1e-6)
    assert "in mmHg" in notes[0]


def test_another_rate_is_resampled_and_a_slow_wave_stays_what_it_is(tmp_path):
    for k, name in enumerate(NAMES):
        time = np.arange(400 if k % 2 else 200) / (200 if k % 2 else 100)
        wave = np.rint(1000 * np.sin(2 * np.pi * 1.5 * time))[:, None].astype(np.int16)
        write_wfdb(tmp_path / name, wave, rate=200 if k % 2 else 100)
    with pytest.raises(InputError, match=r"100, 200 Hz; say rate = 200"):
        open_all(tmp_path, format="wfdb")
    files, _, notes = open_all(tmp_path, format="wfdb", rate=50)
    inputs = prepare(tmp_path, files)
    truth = 1000 * np.sin(2 * np.pi * 1.5 * np.arange(100) / 50)
    assert inputs.shape == (COUNT, 100, 1)
    assert np.abs(inputs[:, 5:-5, 0] - truth[5:-5]).max() < 30
    assert "at 50 Hz, from 100, 200" in notes[0]


def test_resampling_takes_away_what_the_lower_rate_cannot_hold():
    fast = np.sin(2 * np.pi * 40 * np.arange(1000) / 100)
    assert np.abs(resample(fast, 100, 50)[20:-20]).max() < 0.1
    np.testing.assert_allclose(resample(np.full(100, 97.0), 100, 33), 97, rtol=0.01)


def test_shorter_recordings_are_followed_by_zeros_and_longer_ones_cut(tmp_path):
    for k, (name, stored) in enumerate(zip(NAMES, STORED, strict=True)):
        write_wfdb(tmp_path / name, stored[: 150 if k < 4 else 200], leads=LEADS)
    with pytest.raises(InputError, match=r"1\.5 to 2 seconds; say seconds"):
        open_all(tmp_path, format="wfdb")
    files, _, notes = open_all(tmp_path, format="wfdb", seconds=1.8)
    inputs = prepare(tmp_path, files)
    assert (inputs[4:] == STORED[4:, :180]).all()
    assert (inputs[:4, :150] == STORED[:4, :150]).all()
    assert not inputs[:4, 150:].any()
    assert any("4 of 40 recordings looked at are shorter" in note for note in notes)


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("int16", "int16"), ("uint8", "int16"), ("float16", "float16"), ("float64", "float32")],
)
def test_arrays_are_kept_as_they_are_or_as_float32(dtype, kept, tmp_path):
    arrays = RNG.integers(0, 100, (COUNT, 50, 2)).astype(dtype)
    for name, array in zip(NAMES, arrays, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    files, _, _ = open_all(tmp_path, format="npy", rate=25)
    assert files.dtype == kept
    assert (prepare(tmp_path, files) == arrays.astype(kept)).all()
    files, _, _ = open_all(tmp_path, format="npy", rate=25, seconds=1)
    assert files.shape == (25, 2)


def test_edf_channels_of_different_rates_come_to_one(tmp_path):
    eeg = RNG.integers(-9000, 9000, (COUNT, 400), np.int64).astype(np.int16)
    slow = np.repeat(np.arange(COUNT), 4).reshape(COUNT, 4).astype(np.int16)
    for k, name in enumerate(NAMES):
        write_edf(
            tmp_path / f"{name}.edf",
            {"EEG": eeg[k], "Temp": slow[k]},
            {"EEG": 100, "Temp": 1},
            unit="uV",
        )
    with pytest.raises(InputError, match=r"1, 100 Hz; say rate = 100"):
        open_all(tmp_path, format="edf")
    only, _, _ = open_all(tmp_path, format="edf", leads=["EEG"])
    inputs = prepare(tmp_path, only)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs[:, :, 0], eeg / 10, rtol=1e-5)
    both, _, _ = open_all(tmp_path, format="edf", rate=100)
    assert both.shape == (400, 2)


def test_damaged_recordings_are_counted_and_a_few_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_DAMAGED_SHARE", 0.05)
    write_all(tmp_path)
    data = tmp_path / "signals" / "r7.dat"
    data.write_bytes(data.read_bytes()[:-100])
    (tmp_path / "signals" / "r9.hea").write_text("something else")
    files, _, _ = open_all(tmp_path, format="wfdb")
    assert len(prepare(tmp_path, files)) == 38
    write_wfdb(tmp_path / "signals" / "r11", STORED[11], leads=["I", "II", "V2"])
    files, _, _ = open_all(tmp_path, format="wfdb", leads=LEADS)
    with pytest.raises(InputError, match=r"r7.hea \(table.csv: row 9\).*3 such files"):
        store.save(make_cohort(inputs=files), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_what_differs_between_recordings_is_asked_for(tmp_path):
    write_all(tmp_path)
    write_wfdb(tmp_path / "signals" / "r11", STORED[11], leads=["I", "II", "V2"])
    with pytest.raises(InputError, match=r"different channels.*V1.*V2.*say leads"):
        open_all(tmp_path, format="wfdb")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"format": "wfdb", "leads": ["I", "aVR"]}, "no channel 'aVR'.*it has: I, II, V1"),
        ({"format": "wfdb", "folder": "nowhere"}, "is no folder"),
        ({"format": "wfdb", "seconds": 1e6}, "at most 20,000,000"),
        ({"format": "wfdb", "rate": 0.1}, "say seconds, or a lower rate"),
        ({"format": "edf"}, "none of its 40 files"),
        ({"format": "npy", "leads": ["I"]}, "a .npy has no names of channels"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(more, says, tmp_path):
    write_all(tmp_path)
    with pytest.raises(InputError, match=says) as refused:
        open_all(tmp_path, **more)
    assert "\n" not in str(refused.value)


def test_signals_without_their_second_file_are_named(tmp_path):
    write_all(tmp_path)
    (tmp_path / "signals" / "r20.dat").unlink()
    with pytest.raises(InputError, match=r"row 22: .*r20.dat does not exist"):
        open_all(tmp_path, format="wfdb")


def test_channels_of_one_name_are_refused(tmp_path):
    write_all(tmp_path, leads=["I", "I", "V1"])
    with pytest.raises(InputError, match=r"several channels 'I'|has 2 channels 'I'"):
        open_all(tmp_path, format="wfdb")
