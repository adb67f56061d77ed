"""How fast images are prepared, beside a bare parallel loop of Pillow.

The loop decodes and resizes the images and keeps the result in memory.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.data.decode import FILES_PER_CHUNK, FileInputs, decode_files
from rollcall.datasets.parts.images import decode_image
from rollcall.util.parallel import cores

SIDE = 256  # pixels of the images that are written


def table(
    counts: tuple[int, ...] = (5_000, 20_000), rounds: int = 3, size: int = 64
) -> pd.DataFrame:
    """Time the preparation of JPEGs (256 x 256, grey, invented), one row per number of them.

    Images/s of both, medians of interleaved `rounds`, and their ratio. size: prepared to, pixels.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "release"
        names = write_images(root, max(counts))
        for count in counts:
            files = FileInputs(
                root,
                names[:count],
                partial(decode_image, height=size, width=size, mode="L"),
                (size, size, 1),
                "uint8",
                root / "table.csv",
                np.arange(count) + 2,
            )
            rates, bare_rates = [], []
            for number in range(rounds):
                out = Path(folder) / f"{count}-{number}"
                out.mkdir()
                started = time.perf_counter()
                array, _ = decode_files(files, out)
                rates.append(count / (time.perf_counter() - started))
                started = time.perf_counter()
                images = _decode_bare(files)
                bare_rates.append(count / (time.perf_counter() - started))
                pairs = zip(images[::997], array[::997], strict=True)
                assert all((one == two).all() for one, two in pairs)
            ratios = [a / b for a, b in zip(rates, bare_rates, strict=True)]
            rows.append(
                {
                    "images": count,
                    "images_per_s": statistics.median(rates),
                    "bare_images_per_s": statistics.median(bare_rates),
                    "times_the_bare_loop": statistics.median(ratios),
                }
            )
    return pd.DataFrame(rows)


def _decode_bare(files: FileInputs) -> list[np.ndarray]:
    paths = [files.root / name for name in files.paths]
    with multiprocessing.get_context("spawn").Pool(cores()) as pool:
        return pool.map(files.decode, paths, chunksize=FILES_PER_CHUNK)


def write_images(root: Path, count: int) -> np.ndarray:
    """Write `count` invented JPEGs to the folder root; return their names, (count,)."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    scenes = [_draw_scene(rng) for _ in range(50)]
    grain = [rng.integers(-10, 11, (SIDE, SIDE), np.int16) for _ in range(7)]
    names = np.array([f"{number:06d}.jpg" for number in range(count)], object)
    for number, name in enumerate(names):
        pixels = np.clip(scenes[number % 50] + grain[number % 7], 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / name, quality=90)
    return names


def _draw_scene(rng: np.random.Generator) -> np.ndarray:
    """Draw a smooth grey image, int16 (SIDE, SIDE)."""
    coarse = Image.fromarray(rng.integers(0, 255, (12, 12), np.uint8))
    return np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int16)
