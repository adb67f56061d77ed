"""Published models by name and weights: labels that all share, raw logits, nothing unpickled."""

import numpy as np
import pandas as pd
import pytest
import torch

from rollcall import models, recipes
from rollcall.attacks.scores import exact_scores
from rollcall.data.cohort import Cohort
from rollcall.experiments.open_models.published import (
    Published,
    parse_published,
    predict_published,
    score_published,
)
from rollcall.recipes.reading import put_model
from rollcall.util.errors import InputError

from . import stand_in

CHEX, PC = "xrv:densenet121-res224-chex", "xrv:densenet121-res224-pc"
CLASSES = ("No Finding", "Lung Opacity", "Pleural Effusion", "edema", "Support Devices")
SHARED = ("Pleural Effusion", "edema")  # what CheXpert's, PadChest's model and the cohort have


@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(0)
    n = 24
    labels = rng.integers(0, 2, (n, len(CLASSES)))
    records = pd.DataFrame({"patient_id": np.arange(n) // 2})
    inputs = rng.integers(0, 256, (n, 224, 224, 1)).astype(np.uint8)
    inputs[0, :2, :2] = [[[0], [255]], [[255], [0]]]
    return Cohort("films", records, inputs, labels, "multilabel", CLASSES, ())


@pytest.fixture
def xrv(monkeypatch):
    return stand_in.install(monkeypatch)


@pytest.fixture
def saved(xrv, tmp_path):
    """Weights of two networks, as the library's state dicts have them."""
    paths = {}
    for name, seed in (("chex", 0), ("pc", 1)):
        torch.manual_seed(seed)
        network = stand_in.DenseNet(op_threshs=torch.zeros(18))
        network.norm5.running_mean += seed
        paths[name] = tmp_path / f"{name}.pt"
        torch.save(network.state_dict(), paths[name])
    return paths


def recipe_of(cohort):
    return recipes.choose("films", "small_cnn", kind="images")


def test_scores_are_raw_logits_of_shared_labels_each_under_its_sigmoid(films, saved):
    target, reference = Published(CHEX, saved["chex"]), Published(PC, saved["pc"])
    shared = score_published(target, [reference], films, recipe_of(films))
    assert shared.labels == SHARED
    assert shared.left_out == ("No Finding", "Lung Opacity", "Support Devices")
    assert shared.scores.shape == (2, 24, 2)
    for row, path in zip(shared.scores, saved.values(), strict=True):
        network = stand_in.DenseNet()
        weights = torch.load(path, weights_only=True)
        assert weights.pop("op_threshs") is not None  # what recalibrates is left out
        network.load_state_dict(weights)
        images = (torch.from_numpy(films.inputs).float() / 127.5 - 1) * 1024
        with torch.no_grad():
            logits = network.eval()(images.permute(0, 3, 1, 2)).numpy()
        assert network.brightest == 1024
        columns = [stand_in.ALL.index("Effusion"), stand_in.ALL.index("Edema")]
        expected = exact_scores(logits[:, columns], films.labels[:, [2, 3]], "multilabel")
        np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-4)
        assert (row < 0).any()  # log odds, no probabilities


def test_a_whole_network_that_was_pickled_is_not_read(films, saved, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "whole.pt"
    torch.save({"net": Trap()}, path)
    with pytest.raises(InputError, match=r"runs code .* is not read .*chex.pt") as caught:
        predict_published(Published(CHEX, path), films, recipe_of(films))
    assert "DenseNet(weights='densenet121-res224-chex').state_dict()" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_what_does_not_fit_is_refused_in_one_line(films, saved, tiny, tmp_path):
    recipe, chex, pc = recipe_of(films), *(Published(CHEX, saved["chex"]),), None
    pc = Published(PC, saved["pc"])
    cases = [
        (chex, [], films, "0 references; expected 1 to 4"),
        (chex, [pc] * 5, films, "5 references; expected 1 to 4"),
        (chex, [Published(PC, saved["chex"])], films, "the same file"),
        (Published(CHEX[:-1], saved["chex"]), [pc], films, "did you mean 'densenet121-res224-chex"),
        (Published("xrv:resnet50-res512-all", saved["chex"]), [pc], films, "unknown DenseNet"),
        (chex, [pc], tiny, "expected a cohort of several labels"),
    ]
    for target, references, cohort, message in cases:
        with pytest.raises(InputError, match=message):
            score_published(target, references, cohort, recipe)
    small = Cohort(**vars(films) | {"inputs": films.inputs[:, ::2, ::2]})
    with pytest.raises(InputError, match=r"takes grey images of 224 x 224 .*option size=224"):
        score_published(chex, [pc], small, recipe)
    renamed = Cohort(**vars(films) | {"classes": ("a", "b", "c", "d", "e")})
    with pytest.raises(InputError, match=r"no label that cohort 'films' \(a, b"):
        score_published(chex, [pc], renamed, recipe)
    weights = torch.load(saved["pc"], weights_only=True)
    del weights["features.bias"]
    torch.save(weights, tmp_path / "less.pt")
    with pytest.raises(InputError, match=r"lacks 'features.bias'"):
        score_published(chex, [Published(PC, tmp_path / "less.pt")], films, recipe)


def test_rollcalls_networks_are_models_like_any(tiny, tmp_path):
    recipe = recipes.choose("simulated", "mlp", ["settings.width=8"])
    other = put_model(recipe, "small_cnn")
    paths = [tmp_path / name for name in ("a.pt", "b.pt")]
    for chosen, path in ((recipe, paths[0]), (other, paths[1])):
        torch.save(models.build_for(chosen, tiny).state_dict(), path)
    every = [Published(*pair) for pair in zip(("mlp", "small_cnn"), paths, strict=True)]
    shared = score_published(every[0], every[1:], tiny, recipe)
    assert shared.scores.shape == (2, len(tiny))
    assert shared.labels == tiny.classes


@pytest.mark.parametrize("word", ["pc.pt", "xrv:densenet=", "=pc.pt", "xrv:a=/not/there.pt"])
def test_a_model_is_a_name_and_a_file(word):
    with pytest.raises(InputError, match=r"expected NAME=FILE|there is no file"):
        parse_published(word)


def test_a_name_and_a_file(tmp_path):
    (tmp_path / "a=b.pt").touch()
    published = parse_published(f"xrv:densenet121-res224-pc={tmp_path}/a=b.pt")
    assert published == Published(PC, tmp_path / "a=b.pt")


def test_training_one_anew_gives_its_logits_and_no_probabilities(xrv):
    network = models.build(CHEX, (64, 64, 1), 3)
    assert network.classifier.out_features == 3
    with pytest.raises(InputError, match="'op_threshs' asks for probabilities"):
        models.build(CHEX, (64, 64, 1), 3, op_threshs=1)
    with pytest.raises(InputError, match="takes grey images, of one channel; these have 3"):
        models.build(CHEX, (64, 64, 3), 3)
    with pytest.raises(InputError, match="'weights' asks for weights that are fetched"):
        models.build(CHEX, (64, 64, 1), 3, weights="densenet121-res224-chex")


def test_the_real_library_has_these_names_and_labels():
    xrv = pytest.importorskip(
        "torchxrayvision.models", reason="TorchXRayVision is not installed here (rollcall[xrays])"
    )
    for name, absent in (("chex", stand_in.NOT_CHEXPERT), ("pc", stand_in.NOT_PADCHEST)):
        labels = xrv.model_urls[f"densenet121-res224-{name}"]["labels"]
        assert labels == stand_in.lack(*absent)
