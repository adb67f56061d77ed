"""What tests of datasets share: threads for processes, tables row by row, ways to damage them."""

import csv
import gzip
import os
from concurrent.futures import ThreadPoolExecutor


class Threads(ThreadPoolExecutor):
    """In place of the decoder's pool of processes, which takes seconds to start."""

    def __init__(self, workers, context, initializer=None):
        super().__init__(workers)


def read_files(root):
    """The content of every file below a folder, by its path in there."""
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rows_of(path, **options):
    with (gzip.open if path.suffix == ".gz" else open)(
        path, "rt", newline="", encoding="utf-8"
    ) as file:
        return list(csv.DictReader(file, **options))


def write_rows(path, rows, **options):
    with (gzip.open if path.suffix == ".gz" else open)(
        path, "wt", newline="", encoding="utf-8"
    ) as file:
        writer = csv.DictWriter(file, rows[0].keys(), **options)
        writer.writeheader()
        writer.writerows(rows)


def row(table, line, **values):
    """A damage: the row at `line` of the table gets other values.

    A value that is a function gets the rows and returns the value.
    """

    def damage(root):
        rows = rows_of(root / table)
        rows[line - 2] |= {
            key: value(rows) if callable(value) else value for key, value in values.items()
        }
        write_rows(root / table, rows)

    return damage


def text(table, change):
    """A damage: the bytes of a file are changed."""

    def damage(root):
        path = root / table
        path.write_bytes(change(path.read_bytes()))

    return damage


def link_out(path, outside):
    """The file becomes a link to a copy of itself outside."""
    outside.write_bytes(path.read_bytes())
    path.unlink()
    os.symlink(outside, path)
