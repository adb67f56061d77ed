"""Made-up weights in the published layout of the vision transformer."""

import numpy as np


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


def write_weights(folder, file, name="weights.npz"):
    np.savez(folder / name, **file)
    return str(folder / name)
