"""Files that are written whole or not at all, their hashes, and the folders Rollcall lives in."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import BinaryIO
from uuid import uuid4

from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import CAUSES, MachineError, raise_machine_fault

PACKAGE = Path(__file__).resolve().parents[1]  # lib/rollcall in a clone

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600  # what Rollcall writes is its owner's alone
# What numpy raises at the header of a damaged .npy, beside the machine's faults.
UNREADABLE = (
    *(OSError, ValueError, EOFError, MemoryError, SyntaxError),
    *(TypeError, KeyError, RecursionError, TokenError),
)
UNFINISHED = ".part"  # the ending of a file that is being written
BLOCK_BYTES = 2**24  # written at once
LARGEST_TOML = 65_536  # bytes of a short file


@contextlib.contextmanager
def atomic_write(path: Path):
    """Open a binary file that replaces `path` when the block ends well, on disk by then.

    If the block raises, or the process dies, `path` is as it was. Each of several writers has a
    temporary file of its own, .<name>.<random>.part, and the last one's stays. MachineError if the
    machine refuses, a full disk say.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}{UNFINISHED}")
    try:
        with open_private(unfinished) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        sync_folder(path.parent)
    except (OSError, MemoryError) as error:
        if getattr(error, "filename", None) == str(unfinished):
            error.filename = str(path)
        raise_machine_fault(error, path)
        raise
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def open_private(path: Path) -> BinaryIO:
    """Create a file that is its owner's alone whatever the umask, and open it to be written."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with contextlib.suppress(OSError, AttributeError):  # not every file system knows permissions
        os.fchmod(handle, PRIVATE_FILE)
    return open(handle, "wb")


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to disk, so that a rename outlives a power failure."""
    with contextlib.suppress(OSError):  # some file systems cannot, and Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_private(folder: Path) -> Path:
    """Make a folder, and those above it, unless it is there; a new one is its owner's alone.

    MachineError if the machine refuses, or a file stands in its place.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not folder.is_dir():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            with contextlib.suppress(OSError):  # whatever the umask
                folder.chmod(PRIVATE_FOLDER)
    except FileExistsError as error:
        raise MachineError(f"{error.filename}: {CAUSES[errno.ENOTDIR]}") from error
    except OSError as error:
        raise_machine_fault(error, folder)
        raise MachineError(
            f"{folder}: the system makes no folder there ({error.strerror}); choose another"
        ) from error
    return folder


def clear_unfinished(folder: Path, older_than: float = 0.0) -> None:
    """Remove what writers that were killed left in a folder.

    older_than: seconds since the last change; 0 where nobody else may be writing.
    """
    for left in folder.glob(f".*{UNFINISHED}"):
        with contextlib.suppress(OSError):
            if not older_than or time.time() - left.stat().st_mtime > older_than:
                left.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, whole or not at all."""
    with atomic_write(path) as file:
        file.write(content)


def write_json(path: Path, content) -> None:
    """Write `content` as json, whole or not at all."""
    write_bytes(path, json.dumps(content, indent=1).encode())


def write_table(path: Path, table) -> None:
    """Write a pandas table as parquet, whole or not at all."""
    with atomic_write(path) as file:
        table.to_parquet(file, index=False)


def parse_table(file: BinaryIO, columns: Sequence[str] = ()):
    """Parse an open parquet file as a pandas table, or some columns of it, which is faster.

    In this thread alone: on a busy machine pyarrow's threads, which call back into Python to read
    an open file, may end the process with SIGABRT as it exits (apache/arrow issue 34314).
    """
    if columns:  # past pandas, which imports what reads whole folders of files
        from pyarrow.parquet import ParquetFile

        return ParquetFile(file).read(list(columns), use_threads=False).to_pandas()
    import pandas as pd

    return pd.read_parquet(file, use_threads=False)


def write_array(path: Path, array) -> None:
    """Write a numpy array as .npy, whole or not at all."""
    write_blocks(path, array.dtype, array.shape, (array,))


def write_blocks(path: Path, dtype, shape: tuple[int, ...], blocks: Iterable) -> None:
    """Write an array of this dtype and shape as .npy from blocks of its rows, whole or not at all.

    numpy's own `save` may lose the last 4 KB of a file on a full disk without a word: it closes a
    stream of C and does not look at what came of it.
    """
    import numpy as np  # most commands need none

    if np.dtype(dtype).hasobject:
        raise TypeError(f"{path}: an array of Python objects is not written")
    with atomic_write(path) as file:
        write_header(file, dtype, shape)
        before = file.tell()
        for block in blocks:
            rows = max(1, BLOCK_BYTES // max(1, block[:1].nbytes)) if block.ndim else 1
            for start in range(0, len(block) if block.ndim else 1, rows):
                part = block[start : start + rows] if block.ndim else block
                file.write(np.ascontiguousarray(part, dtype).tobytes())
        expected = math.prod(shape) * np.dtype(dtype).itemsize
        if file.tell() - before != expected:
            raise ValueError(f"{path}: {file.tell() - before:,} bytes came, expected {expected:,}")


def write_header(file, dtype, shape: tuple[int, ...]) -> None:
    """Write the header that numpy gives a .npy file of an array in C order."""
    import numpy as np

    kind = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(
        file, {"descr": kind, "fortran_order": False, "shape": tuple(shape)}
    )


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_short_toml(path: Path, what: str) -> tuple[str, str]:
    """Read a short TOML file whole: its text, and the sha256 of its bytes.

    what: it holds, for messages. InputError, one line with the file's name, if it is not there, no
    file, too long or not UTF-8; MachineError if the machine refuses.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a file; expected a TOML file of {what}")
        with path.open("rb") as file:
            content = file.read(LARGEST_TOML + 1)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; expected a TOML file of {what}") from error
    except (OSError, ValueError) as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: not readable ({first_line(error)})") from error
    if len(content) > LARGEST_TOML:
        raise InputError(f"{path}: over {LARGEST_TOML:,} bytes; expected a short TOML file")
    try:
        return content.decode("utf-8-sig"), hashlib.sha256(content).hexdigest()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {first_line(error)}; save it as UTF-8") from error


def home() -> Path:
    """Return the folder that holds data/ and results/ unless a user names others.

    ROLLCALL_HOME where it is set; else the top of the clone that Rollcall runs from; else (it is
    installed) the current folder.
    """
    if named := os.environ.get("ROLLCALL_HOME"):
        return Path(named).absolute()
    return clone() or Path.cwd()


def clone() -> Path | None:
    """Return the top of the clone that this package lies in, or None if it is installed."""
    top = PACKAGE.parents[1]
    if PACKAGE.parent.name != "lib" or not (top / "notebooks").is_dir():
        return None
    try:  # a folder lib/ of another project may hold an installed Rollcall
        is_rollcall = 'name = "rollcall"' in (top / "pyproject.toml").read_text(encoding="utf-8")
    except OSError:
        return None
    return top if is_rollcall else None


def notebooks() -> Path:
    """Return the folder of the notebooks: the clone's, or the installed package's own."""
    top = clone()
    return top / "notebooks" if top else PACKAGE / "notebooks"
