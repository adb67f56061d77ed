"""Released networks from files: the same logits as the network in memory, nothing unpickled."""

import sys
import types

import numpy as np
import pytest
import torch

from rollcall import models
from rollcall.experiments.release import networks
from rollcall.recipes import Recipe
from rollcall.util.errors import InputError

from .test_outputs import make_cohort

RECIPE = Recipe(
    model="mlp",
    epochs=1,
    batch=8,
    learning_rate=1e-3,
    weight_decay=0.0,
    settings={"width": 8, "depth": 2},
)


def build(seed: int = 0):
    torch.manual_seed(seed)
    return models.build_for(RECIPE, make_cohort())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": state},
        lambda state: {f"module.{name}": value for name, value in state.items()},
    ],
)
def test_a_state_dict_gives_the_networks_logits(tmp_path, wrap):
    cohort, network = make_cohort(), build(1)
    torch.save(wrap(network.state_dict()), tmp_path / "w.pt")
    got = networks.predict_with_weights(tmp_path / "w.pt", RECIPE, cohort)
    with torch.no_grad():
        truth = network(torch.from_numpy(cohort.inputs)).numpy()
    np.testing.assert_allclose(got, truth, rtol=1e-5, atol=1e-6)


class Evil:
    def __reduce__(self):
        return (sys.exit, (7,))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: build(), "holds more than tensors"),
        (lambda: Evil(), "holds more than tensors"),
        (lambda: {"state_dict": {"a": 1}}, "expected a state dict of tensors"),
        (lambda: [1, 2], "a list; expected a state dict"),
        (lambda: {}, "expected a state dict"),
        (lambda: dict(list(build().state_dict().items())[1:]), "lacks '"),
        (lambda: build().state_dict() | {"more": torch.zeros(2)}, "has 'more'"),
        (
            lambda: {name: value[:1] for name, value in build().state_dict().items()},
            "another width, depth or input",
        ),
    ],
)
def test_what_is_no_state_dict_of_the_network_is_refused(tmp_path, content, words):
    torch.save(content(), tmp_path / "w.pt")
    with pytest.raises(InputError, match=words):
        networks.predict_with_weights(tmp_path / "w.pt", RECIPE, make_cohort())


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04broken", b"\x80\x04."])
def test_a_broken_file_is_refused(tmp_path, content):
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"w\.pt"):
        networks.read_weights(tmp_path / "w.pt")


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.to("meta"),
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to(torch.complex64),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_one_line(tmp_path, change):
    state = {name: change(value) for name, value in build().state_dict().items()}
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(InputError, match="expected plain numbers on the CPU") as caught:
        networks.predict_with_weights(tmp_path / "w.pt", RECIPE, make_cohort())
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_missing_package_are_one_line(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        networks.read_weights(tmp_path / "none.pt")
    for package, act in (
        ("safetensors.torch", lambda: networks.read_weights(tmp_path / "w.safetensors")),
        ("onnxruntime", lambda: networks.predict_with_onnx(tmp_path / "n.onnx", make_cohort())),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(InputError, match="is not installed; pip install 'rollcall"):
            act()


def test_onnx_gets_what_networks_get(tmp_path, monkeypatch):
    """A stand-in for onnxruntime, which is no dependency: records in blocks, their float32."""

    class Session:
        def __init__(self, path, providers):
            assert path.endswith("n.onnx")

        def get_inputs(self):
            return [types.SimpleNamespace(name="x", shape=["N", 4])]

        def run(self, _, feed):
            return [feed["x"].sum(1, keepdims=True)]

    stand_in = types.SimpleNamespace(InferenceSession=Session)
    monkeypatch.setitem(sys.modules, "onnxruntime", stand_in)
    cohort = make_cohort()
    got = networks.predict_with_onnx(tmp_path / "n.onnx", cohort)
    np.testing.assert_allclose(got[:, 0], cohort.inputs.sum(1), rtol=1e-6)
    stand_in.InferenceSession = lambda *_, **__: 1 / 0
    with pytest.raises(InputError, match="onnxruntime cannot run it"):
        networks.predict_with_onnx(tmp_path / "n.onnx", cohort)
