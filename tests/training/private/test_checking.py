"""Networks whose records are not alone, or that torch.func cannot take, are refused."""

import dataclasses

import pytest

from rollcall import recipes, training
from rollcall.util.errors import InputError
from tests.training.private.common import RECIPE

NETWORKS = """
import torch
from torch import nn

class Flat(nn.Sequential):
    def __init__(self, shape, outputs, *layers):
        size = shape[0] * shape[1]
        super().__init__(nn.Flatten(), nn.Linear(size, 8), *layers, nn.Linear(8, outputs))

class Normed(Flat):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs, nn.BatchNorm1d(8), nn.ReLU())

class Unshared(Flat):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs, nn.BatchNorm1d(8, track_running_stats=False))

class Grouped(Flat):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs, nn.GroupNorm(2, 8), nn.LayerNorm(8), nn.Dropout(0.1))

class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.seen += 1
        return x

class Counting(Flat):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs, Counts())

class Looks(nn.Module):
    def forward(self, x):
        return x if (x.detach().numpy() > -1e9).all() else -x

class Looking(Flat):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs, Looks())
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("networks") / "networks.py"
    path.write_text(NETWORKS)
    return path


def recipe_with(file, name):
    entries = ["epochs=1", "batch=8", "privacy.unit=patient", "privacy.epsilon=5"]
    return recipes.choose("simulated", f"{file}:{name}", entries)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Normed", "batch statistics.*GroupNorm or LayerNorm"),
        ("Counting", "it keeps state beside its weights.*no buffer that training changes"),
        ("Looking", "torch.func takes no gradient of single records"),
    ],
)
def test_what_is_refused(file, tiny, name, message):
    with pytest.raises(InputError, match=rf"cannot be trained with privacy.*{message}") as raised:
        training.check(recipe_with(file, name), tiny)
    assert "\n" not in str(raised.value)
    without = dataclasses.replace(recipe_with(file, name), privacy={})
    training.check(without, tiny)


def test_norms_of_one_record_are_fine(file, tiny):
    training.check(recipe_with(file, "Grouped"), tiny)
    training.check(RECIPE, tiny)
