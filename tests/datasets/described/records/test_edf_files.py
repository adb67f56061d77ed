import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.datasets.described.records import edf_files
from tests.datasets.described.records.made_up import write_edf

RNG = np.random.default_rng(0)
EEG = RNG.integers(-32768, 32768, 300, np.int64).astype(np.int16)
TEMPERATURE = np.array([5, 7, 11], np.int16)


@pytest.fixture
def path(tmp_path):
    channels = {"EEG Fpz": EEG, "EDF Annotations": np.zeros(60, np.int16), "Temp": TEMPERATURE}
    write_edf(tmp_path / "r.edf", channels, {"EEG Fpz": 100, "EDF Annotations": 20, "Temp": 1})
    return tmp_path / "r.edf"


def test_channels_have_their_own_rates_and_annotations_are_none(path):
    layout = edf_files.describe(path)
    assert layout.leads == ("EEG Fpz", "Temp")
    assert layout.units == ("uV", "uV")
    assert layout.rates == (100, 1)
    assert layout.samples == (300, 3)


def test_the_digital_range_maps_to_the_physical_one(path):
    """Stored -32768 to 32767 are -3276.8 to 3276.7: a tenth of what is stored."""
    eeg, temperature = edf_files.read(path, (), 0)
    np.testing.assert_allclose(eeg, EEG / 10)
    np.testing.assert_allclose(temperature, TEMPERATURE / 10)


def test_channels_are_taken_in_the_order_asked_for_and_blocks_that_are_needed(path):
    temperature, eeg = edf_files.read(path, ("temp", "EEG Fpz"), 1.5)
    np.testing.assert_allclose(temperature, TEMPERATURE[:2] / 10)
    np.testing.assert_allclose(eeg, EEG[:200] / 10)
    with pytest.raises(ValueError, match="no channel 'ECG'"):
        edf_files.read(path, ("ECG",), 0)


def test_a_number_of_blocks_that_was_not_known_is_that_of_the_file(tmp_path):
    write_edf(tmp_path / "r.edf", {"a": EEG}, {"a": 100}, blocks=-1)
    assert edf_files.describe(tmp_path / "r.edf").samples == (300,)


@pytest.mark.parametrize(
    ("start", "text", "says"),
    [
        (0, "\xffBIOSEMI", "not an EDF file"),
        (192, "EDF+D", "gaps between its blocks"),
        (236, "4       ", "holds 3 blocks where its header says 4"),
        (236, "0       ", "holds 3 blocks where its header says 0"),
        (236, "-2      ", "number of blocks '-2'"),
        (244, "0       ", "holds annotations and no signals"),
        (244, "1e-308  ", "samples in 1e-308 s"),
        (244, "nan     ", "seconds of a block 'nan'"),
        (252, "0   ", "number of channels '0'"),
        (252, "9999", "number of channels '9999'"),
        (252, "    ", "number of channels ''"),
        (256, "EDF Annotations ", "annotations and no signals"),
        (256 + 104, "3276.7  ", "a range of nothing"),
        (256 + 120, "32767   ", "a range of nothing"),
        (256 + 104, "x       ", "range 'x'"),
        (256 + 216, "0       ", "samples of a block '0'"),
        (256 + 216, "1.5     ", "samples of a block '1.5'"),
    ],
)
def test_a_damaged_header_says_so(start, text, says, tmp_path):
    path = tmp_path / "r.edf"
    write_edf(path, {"a": EEG}, {"a": 100})
    content = bytearray(path.read_bytes())
    content[start : start + len(text)] = text.encode("latin-1")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        edf_files.read(path, (), 0)


@given(st.integers(0, 1111))
def test_a_file_that_is_cut_short_is_never_read_as_whole(tmp_path_factory, length):
    path = tmp_path_factory.mktemp("cut") / "r.edf"
    write_edf(path, {"a": EEG}, {"a": 100})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"cut short|holds \d blocks"):
        edf_files.read(path, (), 0)
