"""The command line of the benchmarks: `python -m benchmarks training|prepare|attacks|risk`."""

from __future__ import annotations

import argparse
import sys

import benchmarks


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast this machine trains, prepares images, attacks and assesses risk.",
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
        help="training: a family (mlp, wide_resnet, ...), a dataset, or growth alone",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=0,
        help="training: times that each way is measured; 0: 3",
    )
    parser.add_argument(
        "--out", default="", help="csv file for the table, with hardware and versions"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measure one part, print its table, write it to a csv file if one is named; return 0."""
    options = build_parser().parse_args(arguments)
    table = benchmarks.table(options.part, tuple(options.only), options.rounds)
    if options.out:
        table.to_csv(options.out, index=False)
    print(benchmarks.format_table(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
