"""How fast images are prepared, beside a bare parallel loop of Pillow that decodes and resizes them and keeps the result in memory."""

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

from rollcall.data import decode as prepare
from rollcall.datasets.parts.images import decode_image
from rollcall.util.parallel import cores

SIDE = 256  # pixels of the pictures that are written


def table(
    counts: tuple[int, ...] = (5_000, 20_000), rounds: int = 3, size: int = 64
) -> pd.DataFrame:
    """One row per number of JPEGs (256 x 256, grey, invented): images/s of both, medians of `rounds` in turn, and their ratio."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "release"
        names = written(root, max(counts))
        for count in counts:
            files = prepare.FileInputs(
                root,
                names[:count],
                partial(decode_image, height=size, width=size, mode="L"),
                (size, size, 1),
                "uint8",
                root / "table.csv",
                np.arange(count) + 2,
            )
            ours, bare = [], []
            for turn in range(rounds):
                out = Path(folder) / f"{count}-{turn}"
                out.mkdir()
                started = time.perf_counter()
                array, _ = prepare.decode_files(files, out)
                ours.append(count / (time.perf_counter() - started))
                started = time.perf_counter()
                with multiprocessing.get_context("spawn").Pool(cores()) as pool:
                    same = pool.map(
                        files.decode,
                        [root / name for name in files.paths],
                        chunksize=prepare.FILES_PER_CHUNK,
                    )
                bare.append(count / (time.perf_counter() - started))
                assert all((one == two).all() for one, two in zip(same[::997], array[::997]))
            rows.append(
                {
                    "images": count,
                    "images_per_s": statistics.median(ours),
                    "bare_images_per_s": statistics.median(bare),
                    "times_the_bare_loop": statistics.median(a / b for a, b in zip(ours, bare)),
                }
            )
    return pd.DataFrame(rows)


def written(root: Path, count: int) -> np.ndarray:
    """Write `count` invented JPEGs to the folder root; their names, (count,)."""
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    scenes = [
        np.asarray(
            Image.fromarray(rng.integers(0, 255, (12, 12), np.uint8)).resize(
                (SIDE, SIDE), Image.Resampling.BICUBIC
            ),
            np.int16,
        )
        for _ in range(50)
    ]
    grain = [rng.integers(-10, 11, (SIDE, SIDE), np.int16) for _ in range(7)]
    names = np.array([f"{number:06d}.jpg" for number in range(count)], object)
    for number, name in enumerate(names):
        Image.fromarray(
            np.clip(scenes[number % 50] + grain[number % 7], 0, 255).astype(np.uint8)
        ).save(root / name, quality=90)
    return names
