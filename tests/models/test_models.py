"""The paper's models against the published parameter counts, and against deliberately naive versions in numpy that share no code with rollcall."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from scipy.special import erf
from torch.func import functional_call, grad, vmap

from rollcall import models
from rollcall.models.resnet1d import ConvNorm
from rollcall.models.vit import resize
from rollcall.models.wide_resnet import SameConv
from rollcall.util.errors import InputError

torch.set_num_threads(1)
SMALL_VIT = {"patch": 4, "width": 12, "depth": 2, "heads": 3, "mlp": 20}


def network(name, shape, outputs, seed=0, **settings):
    torch.manual_seed(seed)
    return models.build(name, shape, outputs, **settings)


def uneven(module, seed=1):
    """Every parameter moved, so that norms' scales and all biases count."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def arrays(module):
    return {name: value.detach().double().numpy() for name, value in module.named_parameters()}


# --- counts and shapes --------------------------------------------------------------------------------------------------------


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
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), parameter_name
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
    """What training with differential privacy takes: vmap of grad, which in-place operations must not break."""
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


def test_every_name_is_a_model_and_the_stacked_are_of_matrix_products():
    for name in models.MODELS:
        shape = (
            (40,)
            if name in models.STACKED
            else (40, 4)
            if name.startswith("resnet1d")
            else (32, 32, 1)
        )
        with torch.device("meta"):
            built = models.build(name, shape, 2)
        assert (name in models.STACKED) == (
            not any(isinstance(m, (torch.nn.Conv1d, torch.nn.Conv2d)) for m in built.modules())
            and "vit" not in name
        )


# --- initial weights ----------------------------------------------------------------------------------------------------------


def test_initial_weights_are_as_the_facts_say_and_follow_from_the_seed():
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


# --- naive twins --------------------------------------------------------------------------------------------------------------


def convolve(x, kernel, stride):
    """TensorFlow's 'same' by its rule, one output pixel at a time. x (C, H, W), kernel (outputs, C, k, k)."""
    outputs, _, side, _ = kernel.shape
    _, height, width = x.shape
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    top = max((rows - 1) * stride + side - height, 0) // 2
    left = max((columns - 1) * stride + side - width, 0) // 2
    result = np.zeros((outputs, rows, columns))
    for i in range(rows):
        for j in range(columns):
            for a in range(side):
                for b in range(side):
                    y, z = i * stride + a - top, j * stride + b - left
                    if 0 <= y < height and 0 <= z < width:
                        result[:, i, j] += kernel[:, :, a, b] @ x[:, y, z]
    return result


def convolve1d(x, kernel, bias):
    """A 'same' convolution over time. x (C, T), kernel (outputs, C, k): (k - 1) // 2 zeros before, the rest after."""
    side, length = kernel.shape[2], x.shape[1]
    result = np.repeat(bias[:, None], length, 1)
    for t in range(length):
        for a in range(side):
            if 0 <= t + a - (side - 1) // 2 < length:
                result[:, t] += kernel[:, :, a] @ x[:, t + a - (side - 1) // 2]
    return result


def group_norm(x, scale, bias, epsilon, groups=16):
    result = np.empty_like(x)
    for rows in np.split(np.arange(len(x)), groups):
        part = x[rows]
        result[rows] = (part - part.mean()) / np.sqrt(part.var() + epsilon)
    shape = (-1,) + (1,) * (x.ndim - 1)
    return result * scale.reshape(shape) + bias.reshape(shape)


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 1), (1, 2)])
@pytest.mark.parametrize(("height", "width"), [(6, 8), (5, 7), (4, 5), (1, 2)])
def test_same_padding_is_tensorflows(kernel, stride, height, width):
    conv = SameConv(2, 3, kernel, stride)
    x = torch.randn(1, 2, height, width)
    expected = convolve(x[0].double().numpy(), conv.weight.detach().double().numpy(), stride)
    np.testing.assert_allclose(conv(x)[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_stride_of_two_on_an_even_size_pads_nothing_before_and_one_after():
    conv = SameConv(1, 1, 3, 2)
    with torch.no_grad():
        conv.weight.copy_(torch.arange(9.0).view(1, 1, 3, 3))
        picked = conv(torch.eye(16).view(16, 1, 4, 4))[:, 0].reshape(
            16, 4
        )  # the weight with which each pixel enters each of 2 x 2 outputs
    assert picked[0].tolist() == [0, 0, 0, 0]
    assert picked[5].tolist() == [4, 0, 0, 0]
    assert picked[10].tolist() == [8, 6, 2, 0]
    assert picked[15].tolist() == [0, 0, 0, 4]


@pytest.mark.parametrize("kernel", [8, 5, 3, 1])
def test_signals_are_padded_by_the_smaller_half_first(kernel):
    conv = uneven(ConvNorm(2, 16, kernel))
    x, values = torch.randn(1, 2, 11), arrays(conv)
    names = sorted(values)  # <conv>.bias, <conv>.weight, <norm>.bias, <norm>.weight
    expected = group_norm(
        convolve1d(x[0].double().numpy(), values[names[1]], values[names[0]]),
        values[names[3]],
        values[names[2]],
        1e-6,
    )
    np.testing.assert_allclose(conv(x)[0].detach().numpy(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("depth", "widen"), [(10, 1), (16, 2)])
def test_the_wide_resnet_is_its_naive_twin(depth, widen):
    built = uneven(network("wide_resnet", (6, 4, 2), 3, depth=depth, widen=widen))
    w, image = arrays(built), torch.randn(1, 6, 4, 2)
    x, place, channels = (
        convolve(image[0].double().numpy().transpose(2, 0, 1), w["1.weight"], 1),
        2,
        16,
    )

    def act(x, name):
        return leaky(group_norm(x, w[f"{name}.weight"], w[f"{name}.bias"], 1e-3), 0.1)

    for group in range(3):
        for block in range((depth - 4) // 6):
            stride, outputs = (2 if group > 0 and block == 0 else 1), 16 * widen * 2**group
            active = act(x, f"{place}.act1")
            projected = stride != 1 or outputs != channels
            assert (f"{place}.project.weight" in w) == projected
            shortcut = convolve(active, w[f"{place}.project.weight"], stride) if projected else x
            x = shortcut + convolve(
                act(convolve(active, w[f"{place}.conv1.weight"], stride), f"{place}.act2"),
                w[f"{place}.conv2.weight"],
                1,
            )
            channels, place = outputs, place + 1
    x = act(x, str(place)).mean((1, 2))
    np.testing.assert_allclose(
        built(image)[0].detach().numpy(),
        w[f"{place + 3}.weight"] @ x + w[f"{place + 3}.bias"],
        rtol=1e-3,
        atol=1e-3,
    )


def test_the_resnet1d_is_its_naive_twin():
    built = uneven(network("resnet1d", (13, 3), 4, width=16))
    w, signal = arrays(built), torch.randn(1, 13, 3)

    def conv_norm(x, name, kernel):
        conv, norm = (f"{name}.1", f"{name}.2") if kernel > 1 else (f"{name}.0", f"{name}.1")
        return group_norm(
            convolve1d(x, w[f"{conv}.weight"], w[f"{conv}.bias"]),
            w[f"{norm}.weight"],
            w[f"{norm}.bias"],
            1e-6,
        )

    x = signal[0].double().numpy().T
    for block in (1, 2, 3):
        y = leaky(conv_norm(x, f"{block}.convs.0", 8), 0.2)
        y = leaky(conv_norm(y, f"{block}.convs.1", 5), 0.0 if block == 2 else 0.2)
        y = conv_norm(y, f"{block}.convs.2", 3)
        shortcut = (
            conv_norm(x, f"{block}.shortcut", 1)
            if block < 3
            else group_norm(x, w["3.shortcut.weight"], w["3.shortcut.bias"], 1e-6)
        )
        x = leaky(y + shortcut, 0.2)
    np.testing.assert_allclose(
        built(signal)[0].detach().numpy(),
        w["6.weight"] @ x.mean(1) + w["6.bias"],
        rtol=1e-3,
        atol=1e-3,
    )


# --- the transformer and its starting weights ---------------------------------------------------------------------------------


def published(side=3, patch=4, width=12, depth=2, heads=3, mlp=20, seed=0):
    """Made-up weights in the published layout, for a grid of side x side."""
    rng = np.random.default_rng(seed)
    shapes = {
        "cls": (1, 1, width),
        "embedding/kernel": (patch, patch, 3, width),
        "embedding/bias": (width,),
        "Transformer/posembed_input/pos_embedding": (1, 1 + side * side, width),
        "Transformer/encoder_norm/scale": (width,),
        "Transformer/encoder_norm/bias": (width,),
        "head/kernel": (width, 1000),
        "head/bias": (1000,),
        "pre_logits/kernel": (width, width),
    }
    for number in range(depth):
        at, attention = (
            f"Transformer/encoderblock_{number}",
            f"Transformer/encoderblock_{number}/MultiHeadDotProductAttention_1",
        )
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            shapes |= {f"{at}/{norm}/scale": (width,), f"{at}/{norm}/bias": (width,)}
        for part in ("query", "key", "value"):
            shapes |= {
                f"{attention}/{part}/kernel": (width, heads, width // heads),
                f"{attention}/{part}/bias": (heads, width // heads),
            }
        shapes |= {
            f"{attention}/out/kernel": (heads, width // heads, width),
            f"{attention}/out/bias": (width,),
        }
        shapes |= {
            f"{at}/MlpBlock_3/Dense_0/kernel": (width, mlp),
            f"{at}/MlpBlock_3/Dense_0/bias": (mlp,),
            f"{at}/MlpBlock_3/Dense_1/kernel": (mlp, width),
            f"{at}/MlpBlock_3/Dense_1/bias": (width,),
        }
    return {
        name: (0.4 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def atomic_write(folder, file, name="weights.npz"):
    np.savez(folder / name, **file)
    return str(folder / name)


def layer_norm(x, file, name):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * file[
        f"{name}/scale"
    ] + file[f"{name}/bias"]


def naive_vit(file, image, head, head_bias, patch=4, depth=2, heads=3):
    """The transformer from the published arrays, one patch, head and token at a time. image (H, W, 3), positions already of its grid."""
    file = {name: value.astype(np.float64) for name, value in file.items()}
    tokens = [file["cls"][0, 0]]
    for row in range(0, image.shape[0], patch):
        for column in range(0, image.shape[1], patch):
            tokens.append(
                np.einsum(
                    "abc,abcd->d",
                    image[row : row + patch, column : column + patch],
                    file["embedding/kernel"],
                )
                + file["embedding/bias"]
            )
    x = np.stack(tokens) + file["Transformer/posembed_input/pos_embedding"][0]
    for number in range(depth):
        at, attention = (
            f"Transformer/encoderblock_{number}",
            f"Transformer/encoderblock_{number}/MultiHeadDotProductAttention_1",
        )
        y, mixed = layer_norm(x, file, f"{at}/LayerNorm_0"), np.zeros_like(x)
        for head_number in range(heads):
            query, key, value = (
                y @ file[f"{attention}/{part}/kernel"][:, head_number]
                + file[f"{attention}/{part}/bias"][head_number]
                for part in ("query", "key", "value")
            )
            for token in range(len(x)):
                weight = np.exp(key @ query[token] / math.sqrt(query.shape[1]))
                mixed[token] += (weight / weight.sum() @ value) @ file[f"{attention}/out/kernel"][
                    head_number
                ]
        x = x + mixed + file[f"{attention}/out/bias"]
        hidden = (
            layer_norm(x, file, f"{at}/LayerNorm_2") @ file[f"{at}/MlpBlock_3/Dense_0/kernel"]
            + file[f"{at}/MlpBlock_3/Dense_0/bias"]
        )
        hidden = hidden * 0.5 * (1 + erf(hidden / math.sqrt(2)))
        x = (
            x
            + hidden @ file[f"{at}/MlpBlock_3/Dense_1/kernel"]
            + file[f"{at}/MlpBlock_3/Dense_1/bias"]
        )
    return head @ layer_norm(x[0], file, "Transformer/encoder_norm") + head_bias


@pytest.mark.parametrize("shape", [(12, 12, 3), (8, 20, 3), (24, 4, 1), (12, 12, 1)])
def test_published_weights_give_the_naive_transformer(tmp_path, shape):
    file = published()
    built = network(
        "vit", shape, 5, seed=3, weights=atomic_write(tmp_path, file), **SMALL_VIT
    ).eval()
    random = network("vit", shape, 5, seed=3, **SMALL_VIT)
    assert torch.equal(built.head.weight, random.head.weight)
    assert not torch.equal(built.cls, random.cls)
    rows, columns = shape[0] // 4, shape[1] // 4
    positions = file["Transformer/posembed_input/pos_embedding"]
    square = zoom(
        positions[0, 1:].reshape(3, 3, 12).astype(np.float64), (rows / 3, columns / 3, 1), order=1
    ).reshape(1, -1, 12)
    resized = file | {
        "Transformer/posembed_input/pos_embedding": np.concatenate([positions[:, :1], square], 1)
    }
    image = torch.rand(1, *shape) * 2 - 1
    pixels = image[0].double().numpy()
    if shape[2] == 1:  # grey: three channels, (x - (2 mean - 1)) / (2 sd)
        pixels = np.stack(
            [
                (pixels[..., 0] - (2 * mean - 1)) / (2 * sd)
                for mean, sd in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
            ],
            -1,
        )
    expected = naive_vit(
        resized,
        pixels,
        built.head.weight.detach().double().numpy(),
        built.head.bias.detach().double().numpy(),
    )
    np.testing.assert_allclose(built(image)[0].detach().numpy(), expected, rtol=1e-3, atol=1e-4)


def test_positions_of_the_same_grid_stay_and_others_are_interpolated_between_corners():
    positions = torch.randn(1, 17, 3)
    assert resize(positions, (4, 4)) is positions
    wide = resize(positions, (7, 4))
    assert wide.shape == (1, 29, 3)
    assert torch.equal(wide[:, :1], positions[:, :1])
    grid, old = wide[0, 1:].view(7, 4, 3), positions[0, 1:].view(4, 4, 3)
    torch.testing.assert_close(grid[::2], old)
    torch.testing.assert_close(grid[1], (old[0] + old[1]) / 2)


def test_half_precision_weights_are_read_as_float32(tmp_path):
    path = atomic_write(
        tmp_path, {name: value.astype(np.float16) for name, value in published().items()}
    )
    assert all(
        p.dtype == torch.float32
        for p in network("vit", (12, 12, 3), 2, weights=path, **SMALL_VIT).parameters()
    )


BLOCK = "Transformer/encoderblock_1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cls": None}, "no array 'cls'"),
        (
            {f"{BLOCK}/MlpBlock_3/Dense_1/bias": None},
            "no array 'Transformer/encoderblock_1/MlpBlock_3/Dense_1/bias'",
        ),
        (
            {"embedding/kernel": np.zeros((8, 8, 3, 12), np.float32)},
            r"is \(8, 8, 3, 12\), the model needs \(4, 4, 3, 12\)",
        ),
        (
            {
                f"{BLOCK}/MultiHeadDotProductAttention_1/query/kernel": np.zeros(
                    (12, 4, 3), np.float32
                )
            },
            "heads",
        ),
        (
            {"Transformer/posembed_input/pos_embedding": np.zeros((1, 9, 12), np.float32)},
            "9 positions",
        ),
        (
            {"Transformer/posembed_input/pos_embedding": np.zeros((1, 1, 12), np.float32)},
            "1 positions",
        ),
        (
            {"Transformer/posembed_input/pos_embedding": np.zeros((10, 12), np.float32)},
            r"needs \(1, any, 12\)",
        ),
        ({"embedding/bias": np.full(12, np.nan, np.float32)}, "finite"),
        ({"embedding/bias": np.zeros(12, np.int64)}, "floating-point"),
        ({"embedding/bias": np.array([None] * 12)}, "cannot be read"),  # a pickle: never opened
        (
            {"Transformer/encoderblock_2/LayerNorm_0/scale": np.zeros(12, np.float32)},
            "more encoder blocks",
        ),
    ],
)
def test_weights_that_do_not_fit_are_said_in_one_line(tmp_path, change, message):
    file = {name: value for name, value in (published() | change).items() if value is not None}
    with pytest.raises(InputError, match=message) as caught:
        network("vit", (12, 12, 3), 2, weights=atomic_write(tmp_path, file), **SMALL_VIT)
    assert "\n" not in str(caught.value)
    assert "weights.npz" in str(caught.value)


def test_files_that_are_no_weights_are_said_in_one_line(tmp_path):
    (tmp_path / "text.npz").write_text("not weights")
    (tmp_path / "empty.npz").write_bytes(b"")
    whole = Path(atomic_write(tmp_path, published())).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:3000])
    at = whole.index(b"NUMPY") + 200
    (tmp_path / "spoilt.npz").write_bytes(
        whole[:at] + bytes(byte ^ 1 for byte in whole[at : at + 8]) + whole[at + 8 :]
    )
    np.savez_compressed(
        tmp_path / "packed.npz",
        **{name: np.zeros_like(value) for name, value in published().items()},
    )
    packed = (tmp_path / "packed.npz").read_bytes()
    at = packed.index(b"cls.npy") + 7 + 20
    (tmp_path / "packed.npz").write_bytes(packed[:at] + bytes([255] * 8) + packed[at + 8 :])
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps({"cls": 1}))
    np.save(tmp_path / "single.npy", np.zeros(3))
    for name, message in (
        ("text.npz", "cannot be read"),
        ("empty.npz", "cannot be read"),
        ("cut.npz", "cannot be read"),
        ("spoilt.npz", "cannot be read"),
        ("packed.npz", "cannot be read"),
        ("pickle.npz", "cannot be read"),
        ("single.npy", "single array"),
        ("absent.npz", "no file"),
        ("", "no file"),
    ):
        with pytest.raises(InputError, match=message):
            network("vit", (12, 12, 3), 2, weights=str(tmp_path / name), **SMALL_VIT)


def test_dropout_obeys_the_mode_and_the_seed():
    built, images = (
        network("vit", (8, 8, 3), 2, **(SMALL_VIT | {"dropout": 0.3})),
        torch.rand(2, 8, 8, 3),
    )

    def run(seed):
        torch.manual_seed(seed)
        return built(images)

    built.train()
    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    built.eval()
    assert torch.equal(run(1), run(2))
    still = network("vit", (8, 8, 3), 2, **(SMALL_VIT | {"dropout": 0.0})).train()
    torch.testing.assert_close(still(images), run(1))


def test_dropout_stands_after_the_attention_and_twice_in_the_mlp():
    block = network("vit", (8, 8, 3), 2, **SMALL_VIT).train().blocks[0]
    seen = []
    block.dropout.register_forward_hook(
        lambda module, given, result: seen.append(given[0].shape[-1])
    )
    block(torch.randn(1, 5, 12))
    assert seen == [12, 20, 12]


# --- bad input ----------------------------------------------------------------------------------------------------------------


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
        ("tabresnet_300_6", (8, 8, 1), {}, "needs a table"),
        ("wrn_28_3", (64, 64, 1), {}, "did you mean 'wrn_28_"),
        ("wrn_28_2", (64, 64, 1), {"wdith": 3}, "rollcall/models/wide_resnet.py"),
        ("vit_b_16", (64, 64, 1), {"wieghts": "x"}, "rollcall/models/vit.py"),
    ],
)
def test_bad_settings_and_shapes(name, shape, settings, message):
    with pytest.raises(InputError, match=message):
        models.build(name, shape, 2, **settings)
