"""timm's and torchvision's networks, by stand-ins: neither package is needed to test the door."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from rollcall import datasets, models, recipes, training
from rollcall.runs import run
from rollcall.training.backends.worker import join_run
from rollcall.util.errors import InputError


class Body(nn.Module):
    """As these packages have it: images (batch, C, H, W)."""

    def __init__(self, channels, classes, width=4):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        assert x.ndim == 4 and x.shape[1] == self.conv.in_channels  # noqa: PT018
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))


@pytest.fixture
def timm(monkeypatch):
    module = ModuleType("timm")

    def create_model(name, pretrained, num_classes, in_chans, **settings):
        assert not pretrained
        if name == "vit_tiny" and "img_size" not in settings:
            raise AssertionError("Input height (32) doesn't match model (224).")
        settings.pop("img_size", None)
        return Body(in_chans, num_classes, **settings)

    module.create_model, module.list_models = create_model, lambda: ["resnet18", "vit_tiny"]
    module.__version__ = "1.0.9"
    monkeypatch.setitem(sys.modules, "timm", module)
    return module


@pytest.fixture
def torchvision(monkeypatch):
    package, module = ModuleType("torchvision"), ModuleType("torchvision.models")
    package.models = module

    def get_model(name, weights, num_classes, **settings):
        assert weights is None
        return Body(3, num_classes, **settings)

    def list_models(module):
        assert module is package.models  # those of images alone
        return ["resnet18"]

    module.get_model, module.list_models = get_model, list_models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", module)
    return module


@pytest.mark.parametrize(("package", "channels"), [("timm", 1), ("torchvision", 3)])
def test_a_package_by_name(tiny, tmp_path, request, package, channels):
    """Its channels first, its names in the state dict; batch norm: one after another."""
    request.getfixturevalue(package)
    recipe = recipes.choose("simulated", f"{package}:resnet18", ["settings.width=8"], "images")
    assert recipe.files == {}
    assert recipe.sources["package"].startswith(f"{package} ")
    network = models.build_for(recipe, tiny)
    assert network.conv.weight.shape == (8, channels, 3, 3)
    assert set(network.state_dict()) == set(Body(channels, 3, 8).state_dict())
    traits = training.check(recipe, tiny)
    assert not traits.is_stacked
    assert "batch statistics" in traits.notes[0]
    made = run.create(tmp_path / "r", tiny, recipe, 8)
    worker = join_run(str(made.path), 8, str(tiny.folder), "cpu")
    assert worker.train([0]) == 1
    assert np.isfinite(made.logits(0)).all()


def test_one_channel_is_three_for_torchvision(torchvision):
    network = models.build("torchvision:resnet18", (8, 8, 1), 2)
    images = torch.rand(2, 8, 8, 1)
    as_three = models.build("torchvision:resnet18", (8, 8, 3), 2)
    as_three.load_state_dict(network.state_dict())
    expected = as_three.eval()(images.expand(-1, -1, -1, 3))
    assert torch.equal(network.eval()(images), expected)


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("timm:resnet81", {}, "unknown model 'resnet81' of timm; did you mean 'resnet18'"),
        ("timm:resnet18", {"pretrained": True}, "'pretrained' asks for weights that are fetched"),
        ("torchvision:resnet18", {"weights": "DEFAULT"}, "'weights' asks for weights that are"),
        ("timm:resnet18", {"widht": 3}, "cannot be built with settings .*unexpected keyword"),
        ("timm:vit_tiny", {}, r"for images of 8 x 8 x 1: AssertionError: Input height \(32\)"),
    ],
)
def test_what_a_package_does_not_take(timm, torchvision, model, settings, message):
    with pytest.raises(InputError, match=message) as caught:
        models.build(model, (8, 8, 1), 2, **settings)
    assert "\n" not in str(caught.value)
    assert models.build("timm:vit_tiny", (8, 8, 1), 2, img_size=8)
    assert models.build("timm:resnet18.a1_in1k", (8, 8, 1), 2)


@pytest.mark.parametrize("dataset", ["ptb_xl", "mimic_iv_ed"])
def test_packages_are_for_images(dataset):
    """Said before the package is asked for, which may not be installed."""
    message = "needs images .*, and cohort '.*' has (signals|features); models that fit: mlp, "
    with pytest.raises(InputError, match=message):
        recipes.choose(dataset, "timm:resnet18", kind=datasets.about(dataset).kind)
    with pytest.raises(InputError, match="needs images"):
        models.build("timm:resnet18", (12,), 2)


def test_where_a_package_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setattr("importlib.metadata.version", _refuse)
    message = (
        r"needs the package timm, which is not installed here; pip install 'rollcall\[vision]'"
    )
    with pytest.raises(InputError, match=message):
        recipes.choose("simulated", "timm:resnet18", kind="images")
    with pytest.raises(InputError, match=message):
        models.build("timm:resnet18", (8, 8, 1), 2)


def test_a_package_that_does_not_load_beside_torch(monkeypatch, tmp_path):
    (tmp_path / "timm.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(InputError, match=r"timm cannot be loaded: operator .*; install a version"):
        models.build("timm:resnet18", (8, 8, 1), 2)


def _refuse(name):
    import importlib.metadata

    raise importlib.metadata.PackageNotFoundError(name)
