"""Target models, by name. Each is an nn.Module: float32 inputs -> float32 logits, record by record.

No model of Rollcall's has batch statistics: a record's logits depend on that record and the weights
alone. Those that a user brings may have them in training (`rollcall.models.given`).
torch is loaded by the functions that build, not by importing this package.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.models.given import build_given, is_given, parse_given
from rollcall.models.given.names import Given, check_kind
from rollcall.models.registry import FAMILIES, MODELS, kind_of
from rollcall.util.errors import InputError, first_line, unknown_name

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "MODELS",
    "build",
    "build_for",
    "build_seeded",
    "count_parameters",
    "find_forward_stack",
    "find_trace_stack",
    "list_models",
]


def build(name: str, input_shape: tuple[int, ...], outputs: int, **settings) -> nn.Module:
    """Build a fresh model.

    name: in MODELS, or of a file or package, as rollcall.models.given has it. input_shape: of one
    record, without the batch. outputs: number of logits. settings: of the model's family, in place
    of those that the name stands for. The weights come from torch's global generator. InputError
    for an unknown name or setting, or another shape of input than the family takes.
    """
    if is_given(name):
        check_kind(name, kind_of(input_shape), f"an input of shape {tuple(input_shape)}")
        return build_given(parse_given(name), input_shape, outputs, settings)
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    check_kind(name, kind_of(input_shape), f"an input of shape {tuple(input_shape)}")
    family = MODELS[name].family
    builder = getattr(import_module(f"rollcall.models.{family}"), f"build_{family}")
    try:
        return builder(input_shape, outputs, **(MODELS[name].settings | settings))
    except TypeError as error:
        raise InputError(
            f"model {name!r}: {error}; see rollcall/models/{family}.py for its settings"
        ) from error


def build_for(recipe, cohort, device: str = "cpu") -> nn.Module:
    """Build the network of a recipe (its `model` and `settings`) for a cohort's inputs and classes.

    device: "cpu", or "meta" for the shapes alone, which takes no time and no memory; but what a
    user brings is built on the CPU. InputError for settings with which no network can be built.
    """
    import torch

    if is_given(recipe.model):
        shape = cohort.inputs.shape[1:]
        check_kind(recipe.model, kind_of(shape), f"cohort {cohort.name!r}")
        given = find_given(recipe)
        return build_given(given, shape, cohort.outputs, recipe.settings, recipe.files)
    try:
        with torch.device(device):
            return build(recipe.model, cohort.inputs.shape[1:], cohort.outputs, **recipe.settings)
    except InputError:
        raise
    except (RuntimeError, ValueError, ArithmeticError) as error:
        if device != "meta":  # there a device may be at fault; here nothing but the settings
            raise
        raise InputError(
            f"model {recipe.model!r} cannot be built with settings {recipe.settings} for inputs of "
            f"{cohort.inputs.shape[1:]}: {first_line(error)}"
        ) from error


def build_seeded(recipe, cohort, seed: int) -> nn.Module:
    """Build the network of a recipe with the initial weights of a seed, on the CPU.

    The generators, torch's, numpy's and Python's, are as before.
    """
    from rollcall.models.seeds import seeded

    with seeded(seed):
        return build_for(recipe, cohort)


def find_given(recipe) -> Given:
    """Return the network that a recipe's user brings: its file where it is on this machine."""
    path = recipe.sources.get("model")
    if path:
        return Given("", Path(path), recipe.model.rpartition(":")[2])
    return parse_given(recipe.model)


def find_forward_stack(name: str) -> Callable | None:
    """Return the family's own forward pass of many targets at once; None if it has none.

    (parameters with a leading axis of targets, batch (targets, batch, ...)) -> logits.
    """
    return _find_function(name, "forward_stack")


def find_trace_stack(name: str) -> Callable | None:
    """Return the family's pass of many targets that keeps each dense layer's input and output.

    None unless the family has one: where dense layers hold all of its parameters. As
    rollcall.models.mlp.trace_stack.
    """
    return _find_function(name, "trace_stack")


def _find_function(name: str, function: str) -> Callable | None:
    """Return a function of the module of a model's family; None if it has none."""
    if is_given(name):
        return None
    return getattr(import_module(f"rollcall.models.{MODELS[name].family}"), function, None)


def count_parameters(network: nn.Module) -> int:
    """Count the trainable numbers of a network."""
    return sum(value.numel() for value in network.parameters() if value.requires_grad)


def list_models() -> list[dict]:
    """List every model: name, family, input_shape, outputs, and parameters for those.

    input_shape and outputs are the family's in `registry.FAMILIES`.
    """
    import torch

    rows = []
    for name, model in MODELS.items():
        family = FAMILIES[model.family]
        with torch.device("meta"):
            network = build(name, family.input_shape, family.outputs)
        rows.append(
            {
                "name": name,
                "family": model.family,
                "input_shape": family.input_shape,
                "outputs": family.outputs,
                "parameters": count_parameters(network),
            }
        )
    return rows
