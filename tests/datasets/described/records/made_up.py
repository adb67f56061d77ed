"""Pictures and recordings for tests, and the description that names them."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.datasets.described.description import Description, read


def describe(root: Path, **more) -> Description:
    """A description in a folder, of table.csv with the columns file and ill."""
    lines = {"table": "table.csv", "label": "ill", "files": "file"} | more
    (root / "table.csv").write_text("file,ill\n")
    text = "".join(f"{key} = {_write(value)}\n" for key, value in lines.items())
    (root / "cohort.toml").write_text(text)
    return read(root / "cohort.toml")


def _write(value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_write, value))}]"
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


def make_table(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"file": pd.Series(names, dtype="str"), "ill": "1"})


def write_picture(path: Path, seed: int = 0, mode: str = "RGB", size=(20, 16)) -> np.ndarray:
    """Write random pixels (height, width[, 3]); return them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else size[::-1]
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path, format="PNG")
    return pixels


def write_wfdb(
    path: Path,
    stored: np.ndarray,
    rate: float = 100,
    leads=None,
    unit="mV",
    gain=1000.0,
    baseline=0,
    checksums=True,
) -> None:
    """Write stored int16 (samples, leads) as path.hea and path.dat, format 16, by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples, count = stored.shape
    leads = leads or [f"L{number}" for number in range(1, count + 1)]
    lines = [f"{path.name} {count} {rate} {samples}"]
    for k, lead in enumerate(leads):
        total = int(stored[:, k].astype(np.int64).sum()) % 65_536
        total = total - 65_536 if total > 32_767 else total
        end = f" 16 0 {stored[0, k]} {total} 0 {lead}" if checksums else ""
        lines.append(f"{path.name}.dat 16 {gain}({baseline})/{unit}{end}")
    path.with_name(f"{path.name}.hea").write_text("\n".join(lines) + "\n")
    stored.astype("<i2").tofile(path.with_name(f"{path.name}.dat"))


def write_edf(
    path: Path,
    channels: dict[str, np.ndarray],
    rates: dict[str, int],
    unit: str = "uV",
    seconds: int = 1,
    blocks: int | None = None,
    reserved: str = "",
) -> None:
    """Write stored int16 samples of each channel as an EDF of 1-second blocks, by hand.

    Stored -32768 to 32767 mean -3276.8 to 3276.7 of the unit.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(channels)
    count = min(len(channels[name]) // (rates[name] * seconds) for name in names)
    head = f"{0:<8}{'X':<80}{'X':<80}01.01.2001.01.01{256 * (len(names) + 1):<8}{reserved:<44}"
    head += f"{count if blocks is None else blocks:<8}{seconds:<8}{len(names):<4}"
    for width, value in (
        (16, lambda name: name),
        (80, lambda name: ""),
        (8, lambda name: unit),
        (8, lambda name: -3276.8),
        (8, lambda name: 3276.7),
        (8, lambda name: -32768),
        (8, lambda name: 32767),
        (80, lambda name: ""),
        (8, lambda name: rates[name] * seconds),
        (32, lambda name: ""),
    ):
        head += "".join(f"{value(name):<{width}}" for name in names)
    with open(path, "wb") as file:
        file.write(head.encode("ascii"))
        for block in range(count):
            for name in names:
                width = rates[name] * seconds
                file.write(
                    channels[name][block * width : (block + 1) * width].astype("<i2").tobytes()
                )
