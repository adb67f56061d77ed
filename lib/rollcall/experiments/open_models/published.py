"""What published models give the records of a cohort, on the labels that all of them share.

A model is NAME=FILE: a network's name (TorchXRayVision's, Rollcall's, of timm, of a file) and its
weights, a state dict of which tensors alone are read.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rollcall import models
from rollcall.attacks.scores import exact_scores
from rollcall.data.cohort import Cohort
from rollcall.experiments.release.networks import fit_weights, read_weights
from rollcall.experiments.release.statistic import MOST_UNSEEN as MOST
from rollcall.models.given import parse_given
from rollcall.recipes import Recipe
from rollcall.recipes.reading import put_model
from rollcall.util.errors import InputError

RECORDS_AT_ONCE = 2048
XRAYS = "xrv:"
OTHER_NAMES = {"pleural effusion": "effusion"}


@dataclass(frozen=True)
class Published:
    """A model that somebody gave away: its name, and the file of its weights."""

    model: str
    path: Path


class Shared(NamedTuple):
    """Hold what `score_published` gives.

    scores   float32 (models, N), or (models, N, L): log odds of each record's label, of L labels
             each under its own sigmoid; the first model is the one that is attacked
    labels   names of the L labels, as the cohort has them; all classes where a record has one
    left_out labels of the cohort that a model lacks
    """

    scores: np.ndarray
    labels: tuple[str, ...]
    left_out: tuple[str, ...]


def parse_published(word: str) -> Published:
    """Read NAME=FILE; InputError for another form, or a file that is not there."""
    model, sign, path = word.partition("=")
    if not (model.strip() and sign and path.strip()):
        raise InputError(
            f"model {word!r}: expected NAME=FILE, e.g. xrv:densenet121-res224-pc=pc.pt: a "
            "network's name and the file of its weights"
        )
    if not Path(path).expanduser().is_file():
        raise InputError(f"model {word!r}: there is no file {path}; expected a network's weights")
    return Published(model.strip(), Path(path).expanduser())


def score_published(
    target: Published, references: Sequence[Published], cohort: Cohort, recipe: Recipe
) -> Shared:
    """Score every record under the attacked model and 1 to 4 references that never saw it.

    recipe: of the cohort; its settings are of the model that it names. InputError for another
    number of references, the same file twice, weights that do not fit, or no label that the cohort
    and all models have.
    """
    if not 1 <= len(references) <= MOST:
        raise InputError(
            f"{len(references)} references; expected 1 to {MOST} models that never saw the patients"
        )
    every = [target, *references]
    paths = [each.path.resolve() for each in every]
    if len(set(paths)) < len(paths):
        raise InputError("two of the models are the same file; expected others as references")
    shared = share_labels(cohort, {each.model: list_outputs(each.model, cohort) for each in every})
    scores = [_score(each, cohort, recipe, shared) for each in every]
    labels = tuple(shared) if cohort.task == "multilabel" else cohort.classes
    left_out = tuple(label for label in cohort.classes if label not in labels)
    return Shared(np.array(scores, np.float32), labels, left_out)


def list_outputs(model: str, cohort: Cohort) -> tuple[str, ...]:
    """List the labels of a model's outputs: its own where its package says, else the cohort's."""
    if not model.startswith(XRAYS):
        return cohort.classes
    from rollcall.models.given.xrays import list_labels

    labels = list_labels(model.removeprefix(XRAYS))
    if cohort.task != "multilabel":
        raise InputError(
            f"model {model!r} gives several labels, each yes or no; cohort {cohort.name!r} is "
            f"{cohort.task}: expected a cohort of several labels, e.g. chexpert or mimic_cxr"
        )
    return labels


def share_labels(cohort: Cohort, outputs: dict[str, tuple[str, ...]]) -> dict[str, dict[str, int]]:
    """Return, of each label that the cohort and all models have, each model's column of it.

    outputs: of each model its labels in their order, "" for one that it was not trained on. Names
    are compared without regard to case, "_" and the words pleural effusion. InputError if there is
    none.
    """
    columns = {
        model: {_normal(label): place for place, label in enumerate(labels) if label}
        for model, labels in outputs.items()
    }
    shared = {
        label: {model: places[_normal(label)] for model, places in columns.items()}
        for label in cohort.classes
        if all(_normal(label) in places for places in columns.values())
    }
    if not shared:
        each = "; ".join(f"{model}: {', '.join(filter(None, x))}" for model, x in outputs.items())
        raise InputError(
            f"no label that cohort {cohort.name!r} ({', '.join(cohort.classes)}) and all models "
            f"have ({each})"
        )
    return shared


def _normal(label: str) -> str:
    name = label.casefold().replace("_", " ").strip()
    return OTHER_NAMES.get(name, name)


def _score(published: Published, cohort: Cohort, recipe: Recipe, shared: dict) -> np.ndarray:
    logits = predict_published(published, cohort, recipe)
    if cohort.task != "multilabel":
        return exact_scores(logits, cohort.labels, cohort.task)
    columns = [places[published.model] for places in shared.values()]
    own_columns = [cohort.classes.index(label) for label in shared]
    return exact_scores(logits[:, columns], cohort.labels[:, own_columns], cohort.task)


def predict_published(published: Published, cohort: Cohort, recipe: Recipe) -> np.ndarray:
    """Return a published model's raw logits of every record, float32 (N, outputs), in order."""
    import torch

    from rollcall.training.evaluation import predict

    network = _build(published, cohort, recipe).eval()
    parameters = dict(network.named_parameters())
    parts = []
    for start in range(0, len(cohort), RECORDS_AT_ONCE):
        inputs = torch.from_numpy(np.array(cohort.inputs[start : start + RECORDS_AT_ONCE]))
        parts.append(predict(network, parameters, inputs, cohort.scale))
    return np.concatenate(parts)


def _build(published: Published, cohort: Cohort, recipe: Recipe):
    shape = tuple(cohort.inputs.shape[1:])
    if not published.model.startswith(XRAYS):
        network = models.build_for(put_model(recipe, published.model), cohort)
        fit_weights(network, read_weights(published.path), published.path, published.model)
        return network
    from rollcall.models.given import xrays

    if shape != (xrays.SIDE, xrays.SIDE, 1):
        raise InputError(
            f"model {published.model!r} takes grey images of {xrays.SIDE} x {xrays.SIDE} pixels; "
            f"these are {' x '.join(map(str, shape))}: prepare the cohort with the option "
            f"size={xrays.SIDE}"
        )
    given = parse_given(published.model)
    labels = xrays.list_labels(given.name)
    network = models.build(published.model, shape, len(labels))
    try:
        weights = read_weights(published.path)
    except InputError as error:
        if not isinstance(error.__cause__, pickle.UnpicklingError):
            raise
        raise InputError(
            f"{published.path}: a pickled network, as TorchXRayVision publishes it, runs code when "
            "it is read, and is not read here; where no patient's data are, save its tensors: "
            f"{xrays.CONVERT.format(name=given.name)}"
        ) from error
    kept = {key: value for key, value in weights.items() if key not in xrays.NOT_WEIGHTS}
    fit_weights(network, kept, published.path, published.model)
    return network
