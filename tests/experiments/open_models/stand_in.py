"""A stand-in for TorchXRayVision: its names, labels and forward pass, with few weights."""

import sys
from types import ModuleType

import torch
from torch import nn

ALL = (
    *("Atelectasis", "Consolidation", "Infiltration", "Pneumothorax", "Edema", "Emphysema"),
    *("Fibrosis", "Effusion", "Pneumonia", "Pleural_Thickening", "Cardiomegaly", "Nodule"),
    *("Mass", "Hernia", "Lung Lesion", "Fracture", "Lung Opacity", "Enlarged Cardiomediastinum"),
)
NOT_CHEXPERT = ("Infiltration", "Emphysema", "Fibrosis", "Pleural_Thickening", "Nodule", "Mass")
NOT_CHEXPERT += ("Hernia",)
NOT_PADCHEST = ("Lung Lesion", "Lung Opacity", "Enlarged Cardiomediastinum")


def lack(*without):
    return ["" if label in without else label for label in ALL]


class DenseNet(nn.Module):
    targets = ALL

    def __init__(self, num_classes=18, in_channels=1, weights=None, op_threshs=None, **settings):
        assert weights is None and not settings  # noqa: PT018
        super().__init__()
        self.features = nn.Conv2d(in_channels, 3, 9, stride=8)
        self.norm5 = nn.BatchNorm2d(3)
        self.classifier = nn.Linear(3, num_classes)
        self.register_buffer("op_threshs", op_threshs)

    def forward(self, x):
        assert x.ndim == 4 and x.shape[1] == 1  # noqa: PT018
        assert x.abs().max() <= 1024
        self.brightest = float(x.abs().max())
        out = self.classifier(self.norm5(self.features(x / 1024)).relu().mean((2, 3)))
        return out if self.op_threshs is None else torch.sigmoid(out)  # and is recalibrated


def install(monkeypatch):
    """Put it where `import torchxrayvision.models` looks."""
    package, module = ModuleType("torchxrayvision"), ModuleType("torchxrayvision.models")
    module.DenseNet = DenseNet
    module.model_urls = {
        "densenet121-res224-all": {"labels": list(ALL)},
        "densenet121-res224-chex": {"labels": lack(*NOT_CHEXPERT)},
        "densenet121-res224-pc": {"labels": lack(*NOT_PADCHEST)},
        "resnet50-res512-all": {"labels": list(ALL)},
    }
    module.__version__ = "1.5.7"
    package.models = module
    monkeypatch.setitem(sys.modules, "torchxrayvision", package)
    monkeypatch.setitem(sys.modules, "torchxrayvision.models", module)
    return module
