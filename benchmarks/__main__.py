"""The command line of the benchmarks: `python -m benchmarks training|prepare|attacks|risk`."""

from __future__ import annotations

import argparse
import sys

import benchmarks


def main(arguments: list[str] | None = None) -> int:
    """Measure one part, print its table, and write it to a csv file if one is named; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast this machine trains, prepares images, attacks and assesses risk.",
    )
    parser.add_argument("part", nargs="?", default="training", choices=tuple(benchmarks.TABLES))
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="training: a family (mlp, wide_resnet, ...), a dataset, or growth alone",
    )
    parser.add_argument(
        "--rounds", type=int, default=0, help="training: times that each way is measured; 0: 3"
    )
    parser.add_argument(
        "--out", default="", help="csv file for the table, with hardware and versions"
    )
    given = parser.parse_args(arguments)
    table = benchmarks.table(given.part, tuple(given.only), given.rounds)
    if given.out:
        table.to_csv(given.out, index=False)
    print(benchmarks.shown(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
