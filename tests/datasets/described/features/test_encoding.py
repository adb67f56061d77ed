import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollcall.datasets.described.features.columns import read_column
from rollcall.datasets.described.features.encoding import encode
from rollcall.util.errors import InputError


def encode_frame(frame, pool=None):
    rows = len(frame)
    pool = np.ones(rows, bool) if pool is None else pool
    columns = [read_column(frame[name], np.arange(rows)) for name in frame]
    inputs, names, notes = encode(columns, pool, "here")
    return dict(zip(names, inputs.T, strict=True)), notes


FIELDS = st.sampled_from(["", "1", "2.5", "-3", "40"])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(FIELDS, FIELDS, st.booleans()), min_size=12, max_size=40))
def test_numbers_one_by_one(rows):
    """Median where missing, then z-scores, by the statistics of the pool's rows alone."""
    frame = pd.DataFrame([row[:2] for row in rows], columns=["a", "b"], dtype="str")
    frame["z"] = [str(k) for k in range(len(rows) // 2)] + ["7"] * (len(rows) - len(rows) // 2)
    pool = np.array([row[2] for row in rows]) | (np.arange(len(rows)) < 4)
    features, _ = encode_frame(frame, pool)
    for name in ("a", "b"):
        texts = frame[name].tolist()
        known = [float(text) for text, inside in zip(texts, pool, strict=True) if inside and text]
        if len(set(texts)) == 1 or not known:
            continue
        filled = [float(text) if text else statistics.median(known) for text in texts]
        inside = [value for value, has in zip(filled, pool, strict=True) if has]
        spread = statistics.pstdev(inside)
        if name not in features:
            assert spread == 0 or len(set(texts) - {""}) == 1
            continue
        expected = [(value - statistics.mean(inside)) / spread for value in filled]
        np.testing.assert_allclose(features[name], expected, rtol=1e-4, atol=1e-5)
        if f"{name} missing" in features:
            assert features[f"{name} missing"].tolist() == [float(not text) for text in texts]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["", "red", "green", "blue"]), min_size=12, max_size=40))
def test_words_one_by_one(texts):
    frame = pd.DataFrame({"c": texts, "z": [str(k % 7) for k in range(len(texts))]}, dtype="str")
    features, _ = encode_frame(frame)
    for word in {*texts}:
        name = f"c={word or 'missing'}"
        assert (name in features) == (len({*texts}) > 1)
        if name in features:
            assert features[name].tolist() == [float(text == word) for text in texts]


def test_no_number_is_too_large_or_too_close():
    frame = pd.DataFrame(
        {
            "huge": ["1e300", "-1e300", "0", "5"] * 5,
            "tiny": ["1e-300", "0", "2e-300", ""] * 5,
            "close": ["100000000000000.1", "100000000000000.2"] * 10,
            "plain": ["1", "2", "3", "4"] * 5,
        },
        dtype="str",
    )
    features, notes = encode_frame(frame)
    for values in features.values():
        assert np.isfinite(values).all()
        assert np.abs(values).max() < 10
    assert "plain" in features
    assert any(note.startswith("left out, constant in the audit pool: close") for note in notes)


def test_held_out_rows_change_nothing():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=40), "w": rng.choice(list("pqr"), 40)}).astype("str")
    pool = np.arange(40) < 30
    before, _ = encode_frame(frame, pool)
    frame.loc[30:, "a"] = "1e9"
    frame.loc[30:, "w"] = "other"
    after, _ = encode_frame(frame, pool)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name][:30], after[name][:30])
    assert np.isfinite(after["a"]).all()


def test_nothing_left():
    with pytest.raises(InputError, match=r"here: no column is left as an input .*: a, b\)"):
        encode_frame(pd.DataFrame({"a": ["1"] * 20, "b": ["x"] * 20}, dtype="str"))


def test_the_notes_count_the_kinds():
    frame = pd.DataFrame(
        {
            "n": [str(k % 9) for k in range(20)],
            "w": ["a", "b", "c", ""] * 5,
            "y": ["yes", "no"] * 10,
            "d": [f"2020-01-{1 + k:02d}" for k in range(20)],
            "e": [""] * 20,
        },
        dtype="str",
    )
    features, notes = encode_frame(frame)
    assert notes[0] == (
        f"inputs: 4 columns as {len(features)} features: 1 of numbers (z-scores; median and a flag "
        "where missing), 1 of dates (days, as numbers), 1 of yes or no, 1 of words (one column for "
        "each, missing as one more)"
    )
    assert "left out, no value in any row: e" in notes
