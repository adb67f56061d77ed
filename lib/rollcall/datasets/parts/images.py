"""Find image files as people have them, and turn them into inputs: a file a record, uint8 arrays.

A name's ending counts in any case, and as any of ENDINGS: what a file is follows from its content
(`rollcall.datasets.parts.pictures`).
"""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rollcall.data.decode import FileInputs, SkipRecord, find_missing, require_files
from rollcall.data.release import resolve_inside
from rollcall.datasets.parts.pictures import NotAPicture, count_bits, open_image

ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")
JPEG = (".jpg", ".jpeg")  # two endings of one format
MAX_DEPTH = 4  # folders below the table in which images are looked for
LOOKED_AT = 100  # images whose headers tell whether there are any of 16 bits


def decode_image(path: Path, height: int, width: int, mode: str, gaps: bool = False) -> np.ndarray:
    """Decode a picture to uint8 (height, width, channels), resized as a whole.

    mode: "L" (one channel) or "RGB". Pillow's bicubic resize; the aspect ratio is not kept.
    gaps: what is no picture at all (a web page, text, nothing) counts as an image that is not
    there, and raises SkipRecord. Raises OSError or ValueError for any other file that cannot be
    read as a picture, or is cut short.
    """
    try:
        image = open_image(path, mode)
    except NotAPicture as error:
        if gaps:
            raise SkipRecord(f"the image is {error}") from None
        raise
    return resize_image(image, height, width)


def resize_image(image: Image.Image, height: int, width: int) -> np.ndarray:
    """Resize an image to uint8 (height, width, channels)."""
    array = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return array[:, :, None] if array.ndim == 2 else array


def find_images(root: Path, top: Path, names: pd.Series) -> pd.Series:
    """Find the file of each of `names`, such as 00000001_000.png, in `top` or MAX_DEPTH below it.

    Returns paths relative to root, NaN where there is none. Of several files the first counts: that
    of the name as it is, then that of its ending in another case (or .jpeg for .jpg), then that of
    another of ENDINGS; among equals the one in the first folder by name. Raises InputError for a
    folder that is a link out of the root.
    """
    wanted = dict(map(_split_name, names))
    best: dict[str, tuple[int, str]] = {}
    exact = set(names)
    for folder, files in _list_folders(root, top):
        for name in files:
            stem, ending = _split_name(name)
            if stem not in wanted or ending not in ENDINGS:
                continue
            other = _kind(ending) != _kind(wanted[stem])
            rank = 0 if name in exact else 2 if other else 1
            if stem not in best or rank < best[stem][0]:
                best[stem] = rank, f"{folder}{name}"
    paths = {name: best[stem][1] for name in exact if (stem := _split_name(name)[0]) in best}
    return names.map(paths)


def _split_name(name: str) -> tuple[str, str]:
    """Split a file's name into stem and ending, both in small letters."""
    return os.path.splitext(name.lower())


def _kind(ending: str) -> str:
    return JPEG[0] if ending in JPEG else ending


def _list_folders(root: Path, top: Path):
    """Yield (path relative to root with a slash, sorted names of files) of `top` and what is below.

    Hidden folders, and those of a Mac's zip (__MACOSX), are left out.
    """
    for folder, below, names in os.walk(top):
        relative = Path(folder).relative_to(root)
        below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
        for name in below:
            if os.path.islink(os.path.join(folder, name)):
                resolve_inside(root, relative / name / "any")
        if len(Path(folder).relative_to(top).parts) >= MAX_DEPTH:
            below.clear()
        yield (f"{relative.as_posix()}/" if relative.parts else ""), sorted(names)


def require_images(files: FileInputs, endings: tuple[str, ...] = ENDINGS) -> FileInputs:
    """Return the files, or raise InputError naming the first that is not there.

    A file of another of `endings` than the table says takes the place of the one that is missing.
    """
    gone = np.flatnonzero(find_missing(files))
    if not len(gone):
        return files
    paths = files.paths.copy()
    paths[gone] = other_endings(files.root, paths[gone], endings)
    return require_files(replace(files, paths=paths))


def other_endings(root: Path, paths, endings: tuple[str, ...] = ENDINGS) -> np.ndarray:
    """Give each path, relative to root, the ending of the file that lies there under its name.

    Of several the first of `endings` counts. A path stays as it is where it is a file, and where
    there is none.
    """
    changed = np.asarray(paths, dtype=object).copy()
    folders: dict[str, dict[str, str]] = {}  # folder: stem: name
    for position, path in enumerate(changed):
        if (root / path).is_file():
            continue
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = _files_by_stem(root / folder, endings)
        stem = _split_name(name)[0]
        changed[position] = os.path.join(folder, folders[folder].get(stem, name))
    return changed


def _files_by_stem(folder: Path, endings: tuple[str, ...]) -> dict[str, str]:
    """List a folder's files by the stem of their names, the first of `endings` for each."""
    if not folder.is_dir():
        return {}
    names = [name for name in os.listdir(folder) if _split_name(name)[1] in endings]
    names.sort(key=lambda name: (endings.index(_split_name(name)[1]), name), reverse=True)
    return {_split_name(name)[0]: name for name in names}


def image_files(
    root: Path, paths, where: Path, rows, size: int, mode: str, gaps: bool = False
) -> FileInputs:
    """Take one image file a record as inputs, to be decoded to uint8 (size, size, 1 or 3).

    paths: relative to root. where, rows: the table and its rows that name them, for messages.
    mode: "L" or "RGB". gaps: images may be missing, see `decode_image`. The aspect ratio is not
    kept.
    """
    return FileInputs(
        root,
        np.asarray(paths, dtype=object),
        functools.partial(decode_image, height=size, width=size, mode=mode, gaps=gaps),
        (size, size, 1 if mode == "L" else 3),
        "uint8",
        where,
        np.asarray(rows),
    )


def depth_notes(files: FileInputs) -> list[str]:
    """Note that there are grey pictures of 16 bits, from the headers of up to LOOKED_AT files."""
    count = min(LOOKED_AT, len(files))
    chosen = [
        record
        for record in np.linspace(0, len(files) - 1, count).astype(int)
        if not (files.root / files.paths[record]).is_symlink()  # it may lead out of the release
    ]
    deep = sum(count_bits(files.root / files.paths[record]) > 8 for record in chosen)
    if not deep:
        return []
    return [
        f"images: {deep} of {len(chosen)} looked at have 16 bits of grey; such a picture is scaled "
        "from its own darkest and brightest value to 0 and 255"
    ]
