"""`rollcall figure`: figures of finished runs again, from stored tables alone."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rollcall.commands.common import say

HELP = "figures of finished runs again, from stored tables"
USES_KERNELS = False


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall figure`."""
    command.add_argument("name", nargs="?", help="a figure, 1 to 4, or all; empty: list them")
    command.add_argument("--out", default="", help="folder with the results; empty: results/")
    command.add_argument(
        "--run",
        nargs="+",
        action="extend",
        metavar="COHORT/RUN",
        default=[],
        help="finished runs; empty: all there are",
    )
    command.add_argument("--to", default="", help="folder for the figures; empty: beside the runs")
    command.add_argument("--data", default="", help="prepared cohorts; empty: data/")


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Draw a figure of each run, or of all of them, and say where it is; without a name, list."""
    from rollcall.report.registry import drawing

    if not arguments.name:
        say("\n".join(drawing.list_names()))
        return 0
    from rollcall.report.gallery.runs import find_runs
    from rollcall.util.files import home

    started, missing, number = time.perf_counter(), 0, 0
    drawing.choose(arguments.name)
    finished = find_runs(arguments.out, arguments.run)
    data = Path(arguments.data or home() / "data")
    folder = Path(arguments.to) if arguments.to else None
    for drawn in drawing.draw(arguments.name, finished, data, folder):
        if drawn.path is None:
            missing += 1
            say(f"{drawn.name}, {drawn.of}: not drawn: {drawn.why}")
        else:
            number += 1
            say(f"{drawn.path}")
    say(f"{number} figures as pdf, png, svg and csv, {time.perf_counter() - started:.0f} s")
    if not number:
        say("rollcall: nothing could be drawn", sys.stderr)
    return 0 if number else 2
