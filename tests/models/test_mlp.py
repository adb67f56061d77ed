"""A stack of perceptrons is torch's own vmap over one of them, to rounding."""

import pytest
import torch
from torch.func import functional_call, vmap

from rollcall import models
from rollcall.models.mlp import build_mlp, forward_stack


def _step(targets, shape, outputs, depth, forward_of, precision="float32"):
    """Return logits and gradients of one step from weights and inputs that are always the same."""
    torch.manual_seed(7)
    networks = [build_mlp(shape, outputs, width=24, depth=depth) for _ in range(targets)]
    names = [name for name, _ in networks[0].named_parameters()]
    parameters = {
        name: torch.stack([network.get_parameter(name).detach() for network in networks])
        for name in names
    }
    for value in parameters.values():
        value.requires_grad_()
    batch = torch.rand(targets, 12, *shape)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        logits = forward_of(networks[0])(parameters, batch)
    assert logits.dtype == torch.float32
    (logits.square().sum((1, 2)) * torch.arange(1, targets + 1)).sum().backward()
    return [logits.detach(), *(value.grad for value in parameters.values())], parameters


def _by_vmap(network):
    return vmap(lambda values, batch: functional_call(network, values, (batch,)))


@pytest.mark.parametrize("shape", [(9,), (5, 4, 2)])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_stack_is_vmap(shape, outputs, depth):
    stacked, parameters = _step(3, shape, outputs, depth, lambda _: forward_stack)
    expected, _ = _step(3, shape, outputs, depth, _by_vmap)
    for value, truth in zip(stacked, expected, strict=True):
        torch.testing.assert_close(value, truth, rtol=1e-5, atol=1e-6)
    for value in parameters.values():  # nothing is copied when the optimiser takes them
        assert value.grad.stride() == value.stride()


def test_in_bf16_it_is_vmap_to_the_rounding_of_bf16():
    stacked, _ = _step(3, (9,), 1, 2, lambda _: forward_stack, "bf16")
    expected, _ = _step(3, (9,), 1, 2, _by_vmap, "bf16")
    for value, truth in zip(stacked, expected, strict=True):
        torch.testing.assert_close(value, truth, rtol=2**-6, atol=2**-6)
    float32, _ = _step(3, (9,), 1, 2, lambda _: forward_stack)
    assert not torch.equal(stacked[0], float32[0])


def test_who_has_a_forward_pass_of_stacks():
    assert models.find_forward_stack("mlp") is forward_stack
    assert models.find_forward_stack("tabresnet_300_6") is None
