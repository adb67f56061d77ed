"""A file of published weights: read in float32, or refused in one line."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from rollcall.util.errors import InputError
from tests.models.common import SMALL_VIT, network
from tests.models.weights import published, write_weights


def test_half_precision_weights_are_read_as_float32(tmp_path):
    path = write_weights(
        tmp_path, {name: value.astype(np.float16) for name, value in published().items()}
    )
    assert all(
        p.dtype == torch.float32
        for p in network("vit", (12, 12, 3), 2, weights=path, **SMALL_VIT).parameters()
    )


BLOCK = "Transformer/encoderblock_1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cls": None}, "no array 'cls'"),
        (
            {f"{BLOCK}/MlpBlock_3/Dense_1/bias": None},
            "no array 'Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias'",
        ),
        (
            {"embedding/kernel": np.zeros((8, 8, 3, 12), np.float32)},
            r"is \(8, 8, 3, 12\), the model needs \(4, 4, 3, 12\)",
        ),
        (
            {
                f"{BLOCK}/MultiHeadDotProductAttention_1/query/kernel": np.zeros(
                    (12, 4, 3), np.float32
                )
            },
            "heads",
        ),
        (
            {"Transformer/posembed_input/pos_embedding": np.zeros((1, 9, 12), np.float32)},
            "9 positions",
        ),
        (
            {"Transformer/posembed_input/pos_embedding": np.zeros((1, 1, 12), np.float32)},
            "1 positions",
        ),
        (
            {"Transformer/posembed_input/pos_embedding": np.zeros((10, 12), np.float32)},
            r"needs \(1, any, 12\)",
        ),
        ({"embedding/bias": np.full(12, np.nan, np.float32)}, "finite"),
        ({"embedding/bias": np.zeros(12, np.int64)}, "floating-point"),
        ({"embedding/bias": np.array([None] * 12)}, "cannot be read"),  # a pickle: never opened
        (
            {"Transformer/encoderblock_2/LayerNorm_0/scale": np.zeros(12, np.float32)},
            "more encoder blocks",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_line(tmp_path, change, message):
    file = {name: value for name, value in (published() | change).items() if value is not None}
    with pytest.raises(InputError, match=message) as caught:
        network("vit", (12, 12, 3), 2, weights=write_weights(tmp_path, file), **SMALL_VIT)
    assert "\n" not in str(caught.value)
    assert "weights.npz" in str(caught.value)


def test_files_that_are_no_weights_are_refused_in_one_line(tmp_path):
    (tmp_path / "text.npz").write_text("not weights")
    (tmp_path / "empty.npz").write_bytes(b"")
    whole = Path(write_weights(tmp_path, published())).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:3000])
    at = whole.index(b"NUMPY") + 200
    (tmp_path / "spoilt.npz").write_bytes(
        whole[:at] + bytes(byte ^ 1 for byte in whole[at : at + 8]) + whole[at + 8 :]
    )
    np.savez_compressed(
        tmp_path / "packed.npz",
        **{name: np.zeros_like(value) for name, value in published().items()},
    )
    packed = (tmp_path / "packed.npz").read_bytes()
    at = packed.index(b"cls.npy") + 7 + 20
    (tmp_path / "packed.npz").write_bytes(packed[:at] + bytes([255] * 8) + packed[at + 8 :])
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"cls": 1}))
    np.save(tmp_path / "single.npy", np.zeros(3))
    for name, message in (
        ("text.npz", "cannot be read"),
        ("empty.npz", "cannot be read"),
        ("cut.npz", "cannot be read"),
        ("spoilt.npz", "cannot be read"),
        ("packed.npz", "cannot be read"),
        ("pickle.npz", "cannot be read"),
        ("single.npy", "single array"),
        ("absent.npz", "no file"),
        ("", "no file"),
    ):
        with pytest.raises(InputError, match=message):
            network("vit", (12, 12, 3), 2, weights=str(tmp_path / name), **SMALL_VIT)
