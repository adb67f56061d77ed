"""What a user's network is like, tried on a few records before any target is trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from rollcall.models.seeds import seeded
from rollcall.util.errors import InputError, first_line

Build = Callable[[int], nn.Module]  # from the seed of its weights
ALONE = "its targets train one after another"
SLOW = "There is a performance drop"  # torch's warning of what vmap does one after another
RELATIVE, ABSOLUTE = 1e-3, 1e-5  # by which outputs that are the same may differ: rounding


@dataclass(frozen=True)
class Traits:
    """What decides the way that a network is trained.

    parameters   trainable numbers
    is_stacked   whether several targets can train as one batch of products
    notes        what its owner should know of it, a sentence each
    """

    parameters: int
    is_stacked: bool
    notes: tuple[str, ...]


def examine(name: str, build: Build, batch: torch.Tensor, outputs: int, stack: int) -> Traits:
    """Try a network on a batch of records: forwards, backwards, and several at once.

    name: of the model, for messages. build(seed): a fresh one. batch: float32, at least 3 records.
    stack: targets that the recipe would train at once. InputError for a network that cannot be
    trained or audited: other outputs than one logit for each, of another dtype than float32, that
    depend on other records of the batch or on chance when it predicts, or weights that do not
    follow from the seed.
    """
    network = build(0)
    weights = {key: value for key, value in network.named_parameters() if value.requires_grad}
    _check_weights(name, network, weights)
    _check_fresh(name, network, build(0))
    _check_prediction(name, network.eval(), batch, outputs)
    notes = [] if _differ(network, build(1)) else [NOT_DRAWN]
    first, state = _forward_in_training(name, build(0), batch, outputs, 1)
    again, _ = _forward_in_training(name, build(0), batch, outputs, 2)
    repeated, _ = _forward_in_training(name, build(0), batch, outputs, 1)
    if not _same(first, repeated):
        raise InputError(
            f"model {name!r}: in training two networks of one seed give other logits; expected "
            "chance from torch's, numpy's or Python's global generator, and no state of the module"
        )
    others, _ = _forward_in_training(name, build(0), _swap(batch), outputs, 1)
    modules = list(network.modules())
    norms = any(isinstance(each, _NormBase) and each.track_running_stats for each in modules)
    drops = any(isinstance(each, _DropoutNd) and each.p for each in modules)
    draws, mixes = drops or not _same(first, again), not _same(first[:1], others[:1])
    if mixes or norms:
        notes.append(
            "batch statistics: in training a record's logits depend on the records beside it, in "
            f"predictions on running statistics; {ALONE}"
        )
    elif state:
        notes.append(f"it keeps state beside its weights ({state}); {ALONE}")
    if draws:
        notes.append(f"dropout, or other chance in training: drawn for each target; {ALONE}")
    notes += _check_gradients(name, build(0), batch, outputs)
    is_stacked = stack > 1 and not (mixes or norms or state or draws)
    if is_stacked and any(isinstance(each, _ConvNd) for each in modules):
        is_stacked = False  # grouped convolutions: slower than one after another
    if is_stacked and (reason := _find_obstacle(build, batch)):
        is_stacked = False
        notes.append(f"it cannot be stacked ({reason}); {ALONE}")
    count = sum(value.numel() for value in weights.values())
    return Traits(count, is_stacked, tuple(notes))


NOT_DRAWN = (
    "its first weights do not follow from the seed: all targets start from the same ones, which "
    "makes members easier to tell than in models that start anew"
)


def _check_weights(name: str, network: nn.Module, weights: dict[str, nn.Parameter]) -> None:
    for key, value in network.named_parameters():
        if value.dtype != torch.float32 or value.device.type != "cpu":
            raise InputError(
                f"model {name!r}: weight {key!r} is {value.dtype} on {value.device}; expected "
                "torch.float32 on the CPU (Rollcall moves it where it trains)"
            )
    if not weights:
        raise InputError(
            f"model {name!r} has no trainable weight; expected layers that are attributes of the "
            "module, with requires_grad"
        )


def _check_fresh(name: str, network: nn.Module, other: nn.Module) -> None:
    """Check that each call gives a new network, and the same weights from the same seed."""
    ones, twos = dict(network.named_parameters()), dict(other.named_parameters())
    places = {value.data_ptr() for value in ones.values() if value.numel()}
    if network is other or any(value.data_ptr() in places for value in twos.values()):
        raise InputError(
            f"model {name!r} gives the same weights again when it is called twice; expected a new "
            "network at each call, since each target needs its own"
        )
    if ones.keys() != twos.keys() or _differ(network, other):
        raise InputError(
            f"model {name!r}: two networks of one seed differ; expected weights that are drawn "
            "from torch's, numpy's or Python's global generator, so that a run can be repeated"
        )


def _check_prediction(name: str, network: nn.Module, batch: torch.Tensor, outputs: int) -> None:
    """Check that predictions have the shape, and that each is of its own record alone."""
    with torch.no_grad(), seeded(0):
        logits = _check_logits(name, network(batch.clone()), len(batch), outputs)
        again = network(batch.clone())
        swapped = network(_swap(batch))
        _check_logits(name, network(batch[:1].clone()), 1, outputs)
    if not logits.isfinite().all():
        raise InputError(
            f"model {name!r} gives NaN or infinite logits with its first weights; expected finite "
            "numbers on every record"
        )
    if not _same(logits, again):
        raise InputError(
            f"model {name!r} gives other logits each time in eval mode; expected no chance and no "
            "state there (self.training says which mode it is in)"
        )
    if not _same(logits[:1], swapped[:1]):
        raise InputError(
            f"model {name!r}: in eval mode the logits of a record depend on the other records of "
            "its batch; expected each by itself (batch norm with track_running_stats, which is its "
            "default)"
        )


def _check_logits(name: str, logits, records: int, outputs: int) -> torch.Tensor:
    expected = f"expected logits ({records}, {outputs}) in torch.float32, for {records} records"
    if not isinstance(logits, torch.Tensor):
        raise InputError(f"model {name!r} gives a {type(logits).__name__}; {expected}")
    if tuple(logits.shape) != (records, outputs) or logits.dtype != torch.float32:
        raise InputError(
            f"model {name!r} gives {tuple(logits.shape)} in {logits.dtype}; {expected}"
        )
    return logits


def _forward_in_training(
    name: str, network: nn.Module, batch: torch.Tensor, outputs: int, seed: int
) -> tuple[torch.Tensor, str]:
    """Return the logits of a network in train mode, and what of it changed ("": nothing)."""
    before = {key: value.clone() for key, value in network.named_buffers()}
    with torch.no_grad(), seeded(seed):
        logits = _check_logits(name, network.train()(batch.clone()), len(batch), outputs)
    after = dict(network.named_buffers())
    changed = [
        f"buffer {key!r}"
        for key, value in after.items()
        if key not in before or not torch.equal(value, before[key])
    ]
    with torch.no_grad(), seeded(seed):
        again = network(batch.clone())
    if not changed and not _same(logits, again):
        changed = ["an attribute"]
    return logits, (changed or [""])[0]


def _check_gradients(name: str, network: nn.Module, batch: torch.Tensor, outputs: int) -> list[str]:
    """Check that the weights get gradients that the optimisers take; return what is to be said."""
    with seeded(0):
        logits = network.train()(batch.clone())
        ending = logits.grad_fn.name() if logits.grad_fn else ""
        if ending.startswith(("Sigmoid", "Softmax")):
            raise InputError(
                f"model {name!r} ends with a {ending.partition('Backward')[0].lower()}, and gives "
                "probabilities; expected logits, which the loss takes: leave it out"
            )
        if logits.requires_grad:
            logits.square().sum().backward()
    weights = {key: value for key, value in network.named_parameters() if value.requires_grad}
    reached = {key for key, value in weights.items() if value.grad is not None}
    if not reached:
        raise InputError(
            f"model {name!r}: its logits do not depend on its weights (detached, or under no_grad)"
        )
    for key in reached:
        gradient = weights[key].grad
        if gradient is not None and gradient.layout != torch.strided:
            raise InputError(
                f"model {name!r}: weight {key!r} gets a sparse gradient, which the optimisers do "
                "not take; expected sparse=False"
            )
    if lost := len(weights) - len(reached):
        return [f"{lost} of {len(weights)} of its weights get no gradient"]
    return []


def _find_obstacle(build: Build, batch: torch.Tensor) -> str:
    """Say why two networks cannot go forwards and backwards as one; "" if they can."""
    one, two = build(0).train(), build(1).train()
    halves = torch.stack([batch, batch.flip(0)])
    with torch.no_grad():
        expected = torch.stack([one(halves[0].clone()), two(halves[1].clone())])
    try:
        weights = {
            key: torch.stack([value.detach(), other.detach()]).requires_grad_()
            for (key, value), other in zip(one.named_parameters(), two.parameters(), strict=True)
            if value.requires_grad  # the others are the first one's, as in a stack
        }
        stacked = vmap(lambda values, inputs: functional_call(one, values, (inputs,)))
        with warnings.catch_warnings():
            warnings.filterwarnings("error", SLOW)
            logits = stacked(weights, halves.clone())
            logits.square().sum().backward()
        with torch.no_grad():  # as predictions are made, by the same network
            after = [
                functional_call(
                    one, {key: value[at] for key, value in weights.items()}, inputs.clone()
                )
                for at, inputs in enumerate(halves)
            ]
    except Exception as error:
        return f"vmap: {type(error).__name__}: {first_line(error, 100)}"
    if not all(_same(expected, given) for given in (logits, torch.stack(after))):
        return "it has values that are neither weights nor the same in all targets"
    return ""


def _swap(batch: torch.Tensor) -> torch.Tensor:
    """Put other records beside the first: the last ones, and these again."""
    return torch.cat([batch[:1], batch[-1:].expand(len(batch) - 1, *batch.shape[1:])])


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, RELATIVE, ABSOLUTE, equal_nan=True)


def _differ(network: nn.Module, other: nn.Module) -> bool:
    """Say whether two networks have other weights."""
    ones, twos = list(network.parameters()), list(other.parameters())
    return len(ones) != len(twos) or not all(map(torch.equal, ones, twos))
