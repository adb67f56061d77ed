"""The command line of the benchmarks: `python -m benchmarks training|audit|growth|...`."""

from __future__ import annotations

import argparse
import sys

import benchmarks
from rollcall.runs import environment

# part -> its options, as its function table() calls them
OPTIONS = {
    "training": ("only", "rounds"),
    "audit": ("cohort", "root", "targets", "data", "rounds"),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast this machine does each part of an audit, and how its cost grows.",
    )
    parser.add_argument(
        "part",
        nargs="?",
        default="training",
        choices=tuple(benchmarks.TABLES),
        help="what is timed",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="training: a family (mlp, wide_resnet, ...) or a dataset",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=0,
        help="training, audit: times that each way, or an audit, is measured; 0: 3, or 1",
    )
    parser.add_argument("--cohort", default="", help="audit: of what; empty: the demo")
    parser.add_argument("--root", default="", help="audit: folder with the cohort's release")
    parser.add_argument("--targets", type=int, default=0, help="audit: target models; 0: 64")
    parser.add_argument(
        "--data", default="", help="audit: folder for prepared cohorts; empty: data/"
    )
    parser.add_argument(
        "--out", default="", help="csv file for the table, with hardware and versions"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measure one part, print its table, write it to a csv file if one is named; return 0."""
    parser = build_parser()
    options = vars(parser.parse_args(arguments))
    part, out = options.pop("part"), options.pop("out")
    given = {name: value for name, value in options.items() if value}
    if wrong := [name for name in given if name not in OPTIONS.get(part, ())]:
        parser.error(f"--{wrong[0]} is no option of {part}")
    table = benchmarks.table(part, **given)
    if out:
        versions = {f"version_{name}": text for name, text in environment.versions().items()}
        table.assign(**versions, **environment.hardware()).to_csv(out, index=False)
    print(benchmarks.format_table(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
