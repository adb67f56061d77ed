"""Copies among records, against slow truths: every pair, bit by bit and pixel by pixel."""

import io
import itertools
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from rollcall.data.disk import hashes as near
from rollcall.data.disk.duplicates import find_copies, is_shared
from rollcall.rehearse.drawing import draw_scene
from rollcall.rehearse.ptb_xl import draw_ecg
from tests.conftest import SHARED

SIDE = 64


def scene(seed: int) -> Image.Image:
    """A picture like a film, with a place and a grain of its own."""
    rng = np.random.default_rng([5, seed])
    return Image.fromarray(draw_scene(rng, rng, 128, 112, [seed % 7], 7))


def prepare(image: Image.Image, mode: str = "L", side: int = SIDE) -> np.ndarray:
    array = np.asarray(image.convert(mode).resize((side, side), Image.Resampling.BICUBIC))
    return array[:, :, None] if mode == "L" else array


def save_again(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


NEAR = {
    "saved as JPEG": lambda image: save_again(image, 75),
    "saved as JPEG again and again": lambda image: save_again(save_again(image, 60), 80),
    "smaller": lambda image: image.resize((100, 90), Image.Resampling.BILINEAR),
    "larger": lambda image: image.resize((300, 260), Image.Resampling.LANCZOS),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
}


@pytest.mark.parametrize("side", [32, 64, 100])
@pytest.mark.parametrize("name", NEAR)
def test_near_copies_are_found_and_nothing_else(name, side):
    originals = [scene(seed) for seed in range(20)]
    again = [NEAR[name](image) for image in originals[:10]]
    array = np.stack([prepare(image, side=side) for image in originals + again])
    copies = find_copies([array], [f"p{number}" for number in range(30)])
    assert (copies.identical == np.arange(30)).all()
    assert copies.alike.tolist() == [*range(20), *range(10)]
    assert not copies.blank.any()


def test_colour_pictures_have_near_copies_too():
    def colour(seed):
        return Image.merge("RGB", [scene(seed), scene(seed + 100), scene(seed + 200)])

    originals = [colour(seed) for seed in range(12)]
    array = np.stack(
        [prepare(image, "RGB") for image in [*originals, save_again(originals[3], 80)]]
    )
    copies = find_copies([array], list(map(str, range(13))))
    assert copies.alike.tolist() == [*range(12), 3]


def test_what_is_only_alike_within_one_patient_is_another_picture():
    array = np.stack([prepare(scene(1)), prepare(save_again(scene(1), 75)), prepare(scene(2))])
    assert find_copies([array], ["a", "a", "b"]).alike.tolist() == [0, 1, 2]
    assert find_copies([array], ["a", "b", "b"]).alike.tolist() == [0, 0, 2]


def test_identical_records_of_every_kind():
    rng = np.random.default_rng(0)
    for array in (
        rng.integers(0, 255, (9, 16, 12, 1)).astype(np.uint8),
        rng.integers(-999, 999, (9, 50, 12)).astype(np.int16),
        rng.normal(size=(9, 50, 2)).astype(np.float16),
        rng.normal(size=(9, 3)).astype(np.float32),
    ):
        array[[4, 7]] = array[1]
        array[8] = array[6]
        copies = find_copies([array], list("abcdefghi"))
        assert copies.identical.tolist() == [0, 1, 2, 3, 1, 5, 6, 1, 6]
        assert (copies.alike == copies.identical).all()


def ecg(seed: int, rate: int = 100) -> np.ndarray:
    drawn = draw_ecg({"NORM"}, *(np.random.default_rng([seed, each]) for each in (1, 2)))
    return drawn[:: 500 // rate]


@pytest.mark.parametrize(
    "change",
    [
        lambda signal: signal + 1,
        lambda signal: np.rint(signal * 0.9),
        lambda signal: signal + np.random.default_rng(0).integers(-8, 9, signal.shape),
        lambda signal: signal + np.arange(12) * 20,  # another baseline of every lead
    ],
)
def test_signals_have_near_copies_too(change):
    signals = [ecg(seed) for seed in range(20)]
    signals += [change(signal) for signal in signals[:6]]
    array = np.stack(signals).astype(np.int16)
    copies = find_copies([array], list(map(str, range(26))))
    assert copies.alike.tolist() == [*range(20), *range(6)]
    assert copies.identical.tolist() == list(range(26))


def test_the_real_recording_that_stands_under_two_patients():
    """PTB-XL 1.0.1: record 145 is another patient's 463, but for a few samples."""
    folder = SHARED / "ptb-xl"
    if not folder.is_dir():
        pytest.skip(f"PTB-XL is not at {folder}")
    names = ("00137", "00138", "00143", "00144", "00145", "00456", "00457", "00463", "00001")
    with tarfile.open(folder / "records100.tar.xz") as archive:
        content = {
            member.name[-12:-7]: archive.extractfile(member).read()
            for member in archive
            if member.name.endswith("_lr.dat") and member.name[-12:-7] in names
        }
    array = np.stack([np.frombuffer(content[name], "<i2").reshape(-1, 12) for name in names])
    copies = find_copies([array], list(names))
    assert copies.alike.tolist() == [0, 0, 2, 2, 4, 5, 5, 4, 8]
    assert copies.identical.tolist() == [0, 1, 2, 3, 4, 5, 5, 7, 8]


def test_arrays_in_turn_are_one_array(tmp_path):
    array = np.stack([prepare(scene(seed % 6)) for seed in range(14)])
    array[13] = prepare(save_again(scene(0), 75))
    np.save(tmp_path / "a.npy", array[:5])
    parts = [np.load(tmp_path / "a.npy", mmap_mode="r"), array[5:6], array[6:]]
    patients = [f"p{number}" for number in range(14)]
    whole, split = find_copies([array], patients), find_copies(parts, patients)
    assert all((getattr(whole, name) == getattr(split, name)).all() for name in vars(whole))
    assert whole.alike.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 0]


def test_blank_pictures_and_nearly_blank_ones():
    """Black ones are one and the same, and say so; those with little on them are no near copies."""
    rng = np.random.default_rng(1)
    array = np.zeros((30, SIDE, SIDE, 1), np.uint8)
    array[10:20] = rng.integers(0, 3, (10, SIDE, SIDE, 1))  # the noise of a dark sensor
    array[20:, 5, 5] = np.arange(10)[:, None]  # one pixel is lit, in nine of them
    copies = find_copies([array], list(map(str, range(30))))
    assert copies.blank.tolist() == [True] * 10 + [False] * 10 + [True] + [False] * 9
    assert (copies.alike == copies.identical).all()
    assert len(set(copies.alike[10:20])) == 10
    assert len(set(copies.alike[21:])) == 9


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40))
def test_shared_groups_against_a_slow_truth(pairs):
    group, patient = map(np.array, zip(*pairs, strict=True))
    expected = [len({p for g, p in pairs if g == mine}) > 1 for mine, _ in pairs]
    assert is_shared(group, patient).tolist() == expected


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=6)), max_size=40),
    st.integers(1, 9),
)
def test_hashes_that_are_near_against_every_pair(centres, flips, compared_at_once):
    """However few are compared at once, and so however deep bands are split into bands."""
    values = list(centres)
    for centre, bits in flips:
        values.append(centres[centre % len(centres)] ^ sum(1 << bit for bit in bits))
    hashes = np.array(values, np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "COMPARED_AT_ONCE", compared_at_once)
        candidates = list(near.find_candidates(hashes))
    linked = {frozenset(map(int, pair)) for both in candidates for pair in zip(*both, strict=True)}
    linked = {frozenset(values[number] for number in pair) for pair in linked}
    expected = {
        frozenset((one, other))
        for one, other in itertools.combinations(values, 2)
        if (one ^ other).bit_count() <= near.MOST_BITS
    }
    assert linked == expected


def test_every_record_of_one_hash_is_reached():
    """All are paired with the first and with the one before: enough to connect them."""
    hashes = np.array([7, 9, 7, 7, 2**60 - 1, 7], np.uint64)
    pairs = {
        tuple(sorted(map(int, pair)))
        for both in near.find_candidates(hashes)
        for pair in zip(*both, strict=True)
    }
    assert {(0, 2), (0, 3), (0, 5), (2, 3), (3, 5)} <= pairs
    assert not any(4 in pair for pair in pairs)
