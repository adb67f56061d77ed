"""Every model by name: parameters as published, float32 logits, and what is refused."""

import inspect
import math
import subprocess
import sys
from importlib import import_module

import pytest
import torch
from torch.func import functional_call, grad, vmap

from rollcall import models, recipes
from rollcall.models.registry import FAMILIES, check_settings, family_of
from rollcall.models.wide_resnet import SameConv
from rollcall.util import files
from rollcall.util.errors import InputError
from tests.models.common import SMALL_VIT, network


@pytest.mark.parametrize(
    ("name", "shape", "outputs", "expected"),
    [
        ("wrn_28_2", (64, 64, 1), 14, 1_467_838),
        ("wrn_28_2", (64, 48, 1), 4, 1_466_548),
        ("wrn_28_2", (64, 64, 1), 7, 1_466_935),
        ("wrn_28_2", (64, 64, 3), 3, 1_466_707),
        ("wrn_40_4", (64, 64, 1), 14, 8_949_950),
        ("wrn_40_4", (64, 64, 3), 3, 8_947_411),
        ("wrn_28_5", (64, 64, 1), 14, 9_133_630),
        ("vit_b_16", (64, 64, 1), 14, 85_671_182),
        ("vit_b_16", (128, 128, 1), 14, 85_708_046),
        ("vit_b_32", (64, 64, 1), 14, 87_431_438),
        ("vit_l_16", (64, 64, 1), 14, 303_131_662),
        ("vit_l_16", (128, 128, 1), 14, 303_180_814),
        ("vit_b_16", (64, 64, 3), 3, 85_662_723),
        ("vit_b_16", (128, 128, 3), 3, 85_699_587),
        ("vit_l_16", (64, 64, 3), 3, 303_120_387),
        ("resnet1d_128", (1000, 12), 5, 2_021_381),
        ("resnet1d_64", (1000, 12), 5, 510_981),
        ("resnet1d_32", (1000, 12), 5, 130_565),
        ("tabresnet_300_6", (64,), 1, 1_649_401),
    ],
)
def test_the_papers_models_have_the_papers_numbers_of_parameters(name, shape, outputs, expected):
    with torch.device("meta"):
        assert (
            sum(parameter.numel() for parameter in models.build(name, shape, outputs).parameters())
            == expected
        )


@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [
        ("wrn_28_2", (16, 12, 1), {}),
        ("wide_resnet", (9, 7, 3), {"depth": 10}),
        ("vit", (8, 12, 1), SMALL_VIT),
        ("vit", (8, 8, 3), SMALL_VIT),
        ("resnet1d_32", (50, 12), {}),
        ("resnet1d", (3, 2), {"width": 16}),
        ("tabresnet_300_6", (9,), {}),
    ],
)
def test_outputs_are_float32_logits_and_every_parameter_learns(name, shape, settings):
    built = network(name, shape, 5, **settings)
    inputs = torch.randn(3, *shape)
    logits = built(inputs)
    assert logits.shape == (3, 5)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    (logits * torch.randn(3, 5)).sum().backward()
    for parameter_name, parameter in built.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().max() > 0 or parameter_name.endswith("qkv.bias"), parameter_name
    built.eval()
    with torch.no_grad():
        torch.testing.assert_close(
            built(inputs)[1:2], built(inputs[1:2]), rtol=1e-4, atol=1e-5
        )  # no batch statistics
    if name != "tabresnet_300_6":
        with torch.autocast("cpu", torch.bfloat16):
            assert built(inputs).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [("wide_resnet", (8, 8, 1), {"depth": 10, "widen": 1}), ("resnet1d", (20, 3), {"width": 16})],
)
def test_gradients_per_sample_are_those_of_samples_alone(name, shape, settings):
    """By vmap of grad, as differential privacy takes them: in-place operations would break it."""
    built = network(name, shape, 2, **settings)
    values = {key: value.detach() for key, value in built.named_parameters()}
    inputs = torch.randn(3, *shape)

    def loss(values, one):
        return functional_call(built, values, (one[None],)).square().sum()

    stacked = vmap(grad(loss), in_dims=(None, 0))(values, inputs)
    for row in range(3):
        built.zero_grad()
        built(inputs[row : row + 1]).square().sum().backward()
        for key, parameter in built.named_parameters():
            torch.testing.assert_close(stacked[key][row], parameter.grad, rtol=1e-3, atol=1e-5)


def test_a_recipes_settings_replace_those_of_a_named_model():
    def count(name, **settings):
        return sum(
            parameter.numel()
            for parameter in models.build(name, (16, 16, 1), 2, **settings).parameters()
        )

    assert (
        count("wrn_28_2", depth=10, widen=1)
        == count("wide_resnet", depth=10, widen=1)
        < count("wrn_28_2")
    )
    assert count("wrn_28_2") == count("wide_resnet")


@pytest.mark.parametrize("name", models.MODELS)
def test_every_name_is_a_model_and_the_stacked_are_of_matrix_products(name):
    family = family_of(name)
    with torch.device("meta"):
        built = models.build(name, family.input_shape, family.outputs)
    is_convolutional = any(
        isinstance(module, torch.nn.Conv1d | torch.nn.Conv2d) for module in built.modules()
    )
    has_dropout = any(isinstance(module, torch.nn.Dropout) for module in built.modules())
    assert family.stacked == (not is_convolutional and not has_dropout)


def test_the_list_of_models_counts_parameters_on_the_papers_inputs():
    rows = {row["name"]: row for row in models.list_models()}
    assert list(rows) == list(models.MODELS)
    assert rows["wrn_28_2"]["parameters"] == 1_467_838
    assert rows["wrn_28_2"]["input_shape"] == (64, 64, 1)
    assert rows["resnet1d_128"]["parameters"] == 2_021_381
    assert rows["tabresnet_300_6"]["parameters"] == 1_649_401
    assert {row["family"] for row in rows.values()} == set(FAMILIES)


def test_a_recipes_network_is_built_by_one_call(tiny):
    recipe = recipes.Recipe("mlp", 1, 8, 0.1, {"width": 16, "depth": 1})
    built = models.build_for(recipe, tiny)
    assert built(torch.zeros(2, *tiny.inputs.shape[1:])).shape == (2, tiny.outputs)
    shapes = models.build_for(recipe, tiny, "meta")
    assert all(value.is_meta for value in shapes.parameters())
    inputs = math.prod(tiny.inputs.shape[1:])
    expected = 16 * (inputs + 1) + 17 * tiny.outputs
    assert models.count_parameters(shapes) == models.count_parameters(built) == expected


def test_the_names_of_models_take_no_torch():
    code = (
        "import sys; from rollcall import models, recipes; "
        "recipes.load('chexpert', 'paper'); recipes.list_recipes('simulated'); "
        "print(len(models.MODELS), 'torch' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=files.home(), capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == [str(len(models.MODELS)), "False"]


def test_initial_weights_are_the_papers_and_follow_from_the_seed():
    built = network("wrn_28_2", (16, 16, 1), 200)
    for module in built.modules():
        if isinstance(module, SameConv) and module.weight.numel() > 4000:
            assert module.weight.std().item() == pytest.approx(
                math.sqrt(2 / (module.kernel_size[0] ** 2 * module.out_channels)), rel=0.05
            )
    head = built[-1]
    assert head.weight.std().item() == pytest.approx(math.sqrt(2 / (128 + 200)), rel=0.05)
    assert not head.bias.any()
    signal = network("resnet1d_64", (30, 12), 5)
    for module in signal.modules():
        if isinstance(module, torch.nn.Conv1d):
            bound = math.sqrt(
                6 / (module.kernel_size[0] * (module.in_channels + module.out_channels))
            )
            assert 0.95 * bound < module.weight.abs().max().item() <= bound
            assert not module.bias.any()
    for name, shape, settings in (
        ("wrn_28_2", (8, 8, 1), {}),
        ("resnet1d_32", (20, 2), {}),
        ("vit", (8, 8, 1), SMALL_VIT),
    ):
        one, same, other = (
            network(name, shape, 2, seed, **settings).state_dict() for seed in (5, 5, 6)
        )
        assert all(torch.equal(one[key], same[key]) for key in one)
        assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("name", "shape", "settings", "message"),
    [
        ("wrn_28_2", (64,), {}, "needs images"),
        ("wide_resnet", (8, 8, 1), {"depth": 27}, "depth 27"),
        ("wide_resnet", (8, 8, 1), {"widen": 0}, "widen 0"),
        ("wide_resnet", (8, 8, 1), {"depth": 4}, "depth 4"),
        ("vit_b_16", (64, 40, 1), {}, "whole patches of 16"),
        ("vit_b_16", (64,), {}, "needs images"),
        ("vit_b_16", (64, 64, 2), {}, "1 or 3"),
        ("vit", (64, 64, 1), {"heads": 7, "width": 12}, "heads 7"),
        ("vit", (64, 64, 1), {"dropout": 1.0}, "dropout 1.0"),
        ("resnet1d_128", (64, 64, 1), {}, "needs signals"),
        ("resnet1d", (100, 12), {"width": 20}, "multiple of 16"),
        ("tabresnet_300_6", (8, 8, 1), {}, "needs features"),
        ("wrn_28_3", (64, 64, 1), {}, "did you mean 'wrn_28_"),
        ("wrn_28_2", (64, 64, 1), {"wdith": 3}, "rollcall/models/wide_resnet.py"),
        ("vit_b_16", (64, 64, 1), {"wieghts": "x"}, "rollcall/models/vit.py"),
        ("small_cnn", (64,), {}, "needs images"),
        ("tabular_resnet", (8, 8, 1), {}, "needs features"),
        ("small_cnn", (100, 12), {}, "has signals; models that fit: mlp, resnet1d, resnet1d_128"),
        ("vit", (4, 8, 8, 1), {}, "has none of these; models that fit: mlp$"),
        ("mpl", (64,), {}, "did you mean 'mlp'"),
        ("mlp", (64,), {"wdith": 3}, "wdith"),
    ],
)
def test_bad_settings_and_shapes(name, shape, settings, message):
    with pytest.raises(InputError, match=message):
        models.build(name, shape, 2, **settings)


def test_parameter_counts():
    def count(name, shape, outputs, **settings):
        return sum(p.numel() for p in models.build(name, shape, outputs, **settings).parameters())

    assert count("tabular_resnet", (64,), 1) == 1_649_401  # Knolle et al. 2026
    assert count("mlp", (32, 32, 1), 3) == 1024 * 128 + 128 + 128 * 128 + 128 + 128 * 3 + 3


@pytest.mark.parametrize("name", FAMILIES)
def test_the_registry_knows_the_settings_of_each_family(name):
    builder = getattr(import_module(f"rollcall.models.{name}"), f"build_{name}")
    _, _, *settings = inspect.signature(builder).parameters.values()
    known = {each.name: each.default for each in settings}
    known = {
        key: list(value) if isinstance(value, tuple) else value for key, value in known.items()
    }
    assert FAMILIES[name].settings == known


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"widht": 3}, "unknown setting 'widht' of model 'mlp'; did you mean 'width'"),
        ({"width": "wide"}, "setting width of model 'mlp' is 'wide'; expected a value like 128"),
        ({"width": 0}, "setting width of model 'mlp' is 0; expected at least 1"),
        ({"depth": -1}, "setting depth of model 'mlp' is -1; expected at least 0"),
        ({"depth": True}, "setting depth of model 'mlp' is True"),
        ({"depth": 2.5}, r"setting depth of model 'mlp' is 2\.5"),
    ],
)
def test_a_setting_that_a_model_does_not_have(settings, message):
    check_settings("mlp", {"width": 3, "depth": 1})
    with pytest.raises(InputError, match=message):
        check_settings("mlp", settings)


@pytest.mark.parametrize("widths", [[], ["a"], 3, [8, 0], [8, 1.5]])
def test_a_list_of_settings_is_checked_one_by_one(widths):
    check_settings("small_cnn", {"widths": [8, 16]})
    check_settings("vit_b_16", {"dropout": 0, "weights": ""})
    with pytest.raises(InputError, match="setting widths of model 'small_cnn' is"):
        check_settings("small_cnn", {"widths": widths})
