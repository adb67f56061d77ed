"""A released network's outputs on a cohort: a state dict of a known model, or an ONNX file.

Neither is trusted: of a state dict tensors alone are read, and no file is unpickled.
"""

from __future__ import annotations

import importlib
import pickle
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.recipes import Recipe
from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault

WRAPPED = ("state_dict", "model_state_dict", "model", "net")  # what people call it in a checkpoint
PREFIXES = ("module.", "_orig_mod.", "model.")  # of copies in parallel, compiled, in a wrapper
RECORDS_AT_ONCE = 1024


def predict_with_weights(path: Path, recipe: Recipe, cohort: Cohort) -> np.ndarray:
    """Return the logits of a known network with the weights of a file, float32 (N, outputs).

    path: what torch.save made of a state dict (tensors alone: weights_only), or .safetensors. The
    network is the recipe's, as it is built for the cohort. InputError where they do not fit.
    """
    import torch

    from rollcall.training.evaluation import predict

    network = models.build_for(recipe, cohort)
    fit_weights(network, read_weights(path), path, recipe.model)
    network.eval()
    inputs = torch.from_numpy(np.array(cohort.inputs))
    return predict(network, dict(network.named_parameters()), inputs, cohort.scale)


def fit_weights(network, weights: dict, path: Path, model: str) -> None:
    """Put weights, name -> tensor, into a network; InputError where they do not fit it."""
    import torch

    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if wanted != given:
        raise InputError(f"{path}: {_compare(wanted, given)} (model {model!r})")
    for name, value in weights.items():
        plain = value.layout == torch.strided and value.device.type == "cpu"
        if not plain or value.is_complex() or value.is_quantized:
            raise InputError(
                f"{path}: {name!r} is {value.dtype}, {value.layout} on {value.device}; expected "
                "plain numbers on the CPU"
            )
    network.load_state_dict(weights)


def read_weights(path: Path) -> dict:
    """Return a state dict, name -> tensor, without prefixes that all names share."""
    import torch

    try:
        if path.suffix == ".safetensors":
            content = import_extra("safetensors.torch", path).load_file(str(path))
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of how a file was pickled, which is refused
                content = torch.load(path, map_location="cpu", weights_only=True)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; expected a network's weights") from None
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds more than tensors, or is no file of torch's; expected "
            "torch.save(network.state_dict(), path)"
        ) from error
    except Exception as error:
        raise_machine_fault(error, path)
        raise InputError(
            f"{path}: no readable weights ({type(error).__name__}: {first_line(error)}); expected "
            "torch.save(network.state_dict(), path)"
        ) from error
    for key in WRAPPED:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = isinstance(content, dict) and all(map(torch.is_tensor, content.values()))
    if not tensors or not content:
        raise InputError(f"{path}: a {type(content).__name__}; expected a state dict of tensors")
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in content):
            content = {name.removeprefix(prefix): value for name, value in content.items()}
    return content


def predict_with_onnx(path: Path, cohort: Cohort) -> np.ndarray:
    """Return the first output of an ONNX network on every record, (N, outputs).

    It gets what Rollcall's own networks get: float32 records in the cohort's layout, images from -1
    to 1; or (records, channels, height, width) where its input asks for the channels there.
    onnxruntime must be installed: InputError says so.
    """
    import torch

    from rollcall.training.batches import as_input

    runtime = import_extra("onnxruntime", path)
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0]
        parts = []
        for start in range(0, len(cohort), RECORDS_AT_ONCE):
            stored = torch.from_numpy(np.array(cohort.inputs[start : start + RECORDS_AT_ONCE]))
            batch = as_input(stored, cohort.scale).numpy()
            if batch.ndim == 4 and list(entry.shape)[1] == batch.shape[3]:
                batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
            parts.append(np.asarray(session.run(None, {entry.name: batch})[0], np.float32))
        return np.concatenate(parts)
    except Exception as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: onnxruntime cannot run it ({first_line(error)})") from error


def import_extra(package: str, path: Path) -> ModuleType:
    """Import an optional package; InputError says how to install it where it is missing."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError:
        name = package.partition(".")[0]
        raise InputError(
            f"{path}: needs the package {name}, which is not installed; pip install "
            "'rollcall[release]', or give the model's outputs with --outputs"
        ) from None


def _compare(wanted: dict, given: dict) -> str:
    """Say where weights differ from what a network has."""
    lacking, more = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if lacking:
        return f"lacks {lacking[0]!r} ({len(lacking)} of {len(wanted)} weights)"
    if more:
        return f"has {more[0]!r}, which the network lacks ({len(more)} such weights)"
    name = next(name for name in wanted if wanted[name] != given[name])
    return f"{name!r} is {given[name]}; expected {wanted[name]}: another width, depth or input?"
