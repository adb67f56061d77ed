"""Csv files as bytes: opened within limits, their header, what separates their fields, parsed.

`rollcall.data.tables` says what is wrong with one, in words.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from rollcall.util.errors import InputError

IN_MEMORY = 2**27  # bytes of a csv, unpacked, that are read at once
BYTES_PER_BLOCK = 2**25  # parsed at once; a row may not be longer
LONGEST_HEADER = 2**20  # bytes
SEPARATORS = (",", ";", "\t", "|")
UTF8 = "utf-8-sig"  # with or without a byte order mark
# No table of a release comes near these; what is unpacked to more is made to fill the memory.
MOST_ROWS = 20_000_000
MOST_BYTES = 2**34
KINDS = {  # first bytes of files that are no csv, whatever they are called
    b"PK\x03\x04": "a zip, as workbooks of Excel are",
    b"\xd0\xcf\x11\xe0": "an old workbook of Excel's",
    b"PAR1": "parquet",
    b"\x1f\x8b": "packed by gzip; its name must end in .csv.gz",
    b"SQLite": "a database",
    b"%PDF": "a pdf",
    b"\x93NUMPY": "a .npy",
    b"\x89HDF": "HDF5",
}
MOST_UNPACKED = 300  # times the size of a csv.gz, which holds text 5 to 20 times its size;
ALWAYS_UNPACKED = 2**28  # but any may be unpacked to so many bytes


class _Limited(io.RawIOBase):
    """A csv or csv.gz, unpacked, that ends in an InputError where it is longer than is allowed."""

    def __init__(self, path: Path):
        packed = path.suffix == ".gz"
        self._file = gzip.open(path, "rb") if packed else open(path, "rb", 0)  # noqa: SIM115
        self._path, self._read = path, 0
        size = path.stat().st_size
        self._most = min(MOST_BYTES, max(ALWAYS_UNPACKED, MOST_UNPACKED * size))
        if not packed:
            self._most = MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = self._file.readinto(buffer) or 0
        self._read += count
        if self._read > self._most:
            raise InputError(
                f"{self._path}: longer than {self._most // 2**20:,} MB when it is unpacked; "
                "expected a table of less"
            )
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def open_limited(path: Path) -> io.BufferedReader:
    """Open a csv or csv.gz as bytes; reading on beyond MOST_BYTES is an InputError."""
    return io.BufferedReader(_Limited(Path(path)), 2**16)


def read_names(path: Path, separator: str, encoding: str = UTF8) -> list[str]:
    """Return the names in the first row, as they stand but for a byte order mark.

    [] of an empty file, or one whose first row is empty. UnicodeDecodeError if it is not in the
    encoding; csv.Error; InputError for a row that has no end, or a name with a line break.
    """
    with open_limited(path) as file:
        head = file.read(LONGEST_HEADER)
    for start, kind in KINDS.items():
        if head.startswith(start):
            raise InputError(f"{path}: no csv but {kind}; save the table as a csv in UTF-8")
    cut = len(head) == LONGEST_HEADER
    # Later rows may be cut within a character, or be wrong: they are looked at when parsed.
    errors = "surrogateescape" if encoding == UTF8 else "replace"
    text = codecs.getincrementaldecoder(encoding)(errors).decode(head)
    lines = io.StringIO(text, newline=None)  # CR, LF and both
    names = next(csv.reader(lines, delimiter=separator), [])
    joined = "".join(names)
    if "\0" in joined:
        raise InputError(
            f"{path}: row 1 is not UTF-8 text (it holds zeros, as UTF-16 does); save it again, as "
            "a csv in UTF-8"
        )
    joined.encode("utf-8", "surrogateescape").decode("utf-8")
    if any("\n" in name for name in names):
        raise InputError(
            f"{path}: a line break in the name of a column, in row 1; is a quote not closed?"
        )
    if cut and not lines.read(1):
        raise InputError(f"{path}: its first row is longer than {LONGEST_HEADER:,} bytes")
    return names if any(name.strip() for name in names) else []


def choose_separator(path: Path, key: str, columns: int = 0, encoding: str = UTF8) -> str:
    """Return what separates the fields of a csv: a comma, semicolon, tab or bar.

    The one that makes `key` the name of a column, or that makes so many columns; else the one that
    makes the most.
    """
    counts = {}
    for separator in SEPARATORS:
        names = [name.strip() for name in read_names(path, separator, encoding)]
        counts[separator] = (key in names or len(names) == columns, len(names))
    return max(SEPARATORS, key=lambda separator: counts[separator])


def parse(
    path: Path,
    header: list[str],
    positions: list[int],
    separator: str,
    encoding: str = UTF8,
    named_inside: bool = True,
    line_breaks: bool = False,
) -> pd.DataFrame:
    """Parse columns, by their positions in the header, as strings; nothing is taken for missing.

    With pyarrow: strict about the number of fields, fast, and text stays text. Columns are named
    by their positions' names, twice if so named. InputError beyond MOST_ROWS.

    named_inside: the first row is the header. line_breaks: fields may hold them, in quotes.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    if named_inside and not _has_rows(path):
        return pd.DataFrame({k: pd.Series(dtype="str") for k in positions}).set_axis(
            [header[k] for k in positions], axis=1
        )
    numbered = [str(position) for position in range(len(header))]
    chosen = [numbered[position] for position in positions]
    batches, rows = [], 0
    with _open_plain(path, encoding) as (file, encoding):
        reader = arrow.open_csv(
            file,
            arrow.ReadOptions(
                block_size=BYTES_PER_BLOCK,
                use_threads=False,
                column_names=numbered,
                skip_rows=int(named_inside),
                encoding="utf8" if encoding == UTF8 else encoding,
            ),
            arrow.ParseOptions(delimiter=separator, newlines_in_values=line_breaks),
            arrow.ConvertOptions(
                include_columns=chosen,
                column_types=dict.fromkeys(chosen, "string"),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            batches.append(batch)
            rows += batch.num_rows
            if rows > MOST_ROWS:
                raise InputError(f"{path}: more than {MOST_ROWS:,} rows; expected a table of less")
        table = pa.Table.from_batches(batches, reader.schema)
    del batches
    return table.to_pandas(self_destruct=True).set_axis([header[k] for k in positions], axis=1)


@contextmanager
def _open_plain(path: Path, encoding: str):
    """Open a csv for pyarrow; yield the file and the encoding it is in then.

    What is not large lies in memory, as UTF-8: a thread of pyarrow's that calls back into Python,
    to read on or to decode, may end a process with SIGABRT that exits then, on a busy machine.
    """
    import pyarrow as pa

    with open_limited(path) as file:
        content = file.read(IN_MEMORY + 1)
    if len(content) > IN_MEMORY:
        with open_limited(path) as file:
            yield file, encoding
        return
    if encoding != UTF8:
        content = content.decode(encoding).encode()
    yield pa.BufferReader(content), UTF8


def _has_rows(path: Path) -> bool:
    """Say whether anything but blank lines stands below the first row."""
    with open_limited(path) as file:
        head = file.read(LONGEST_HEADER)
    ends = [at for at in (head.find(b"\n"), head.find(b"\r")) if at >= 0]
    return bool(ends) and (len(head) == LONGEST_HEADER or bool(head[min(ends) :].strip()))


def find_bad_line(path: Path) -> int | str:
    """Return the number of the first line that is not UTF-8; "?" if each is."""
    with open_limited(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return "?"
