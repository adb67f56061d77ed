"""`rollcall describe`: a first cohort.toml for a table, and a page on each of its columns."""

from __future__ import annotations

import argparse

from rollcall.commands.common import say

HELP = "write a first cohort.toml for a table of your own, and say what is made of each column"
USES_KERNELS = False


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall describe`."""
    command.add_argument("table", help="csv, csv.gz or parquet; cohort.toml is written beside it")
    command.add_argument("--label", default="", help="column that is predicted; empty: guessed")
    command.add_argument("--patient", default="", help="column of patients' ids; empty: guessed")


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Describe a table, print the page, and say what to do next."""
    from rollcall import datasets
    from rollcall.datasets.described.features.page import describe

    made = describe(arguments.table, arguments.label, arguments.patient, datasets.NAMES)
    say("\n".join(made.lines))
    path = made.description.path
    if made.written:
        say(f"\nWrote {path}; mend what is wrong in it, then: rollcall audit {path}")
    else:
        say(f"\n{path} was there already and stays as it is; then: rollcall audit {path}")
    return 0
