"""`rollcall list`: the datasets, models and recipes there are."""

from __future__ import annotations

import argparse

from rollcall.commands.common import say

HELP = "the datasets, models and recipes there are"
USES_KERNELS = False
LISTS = ("datasets", "models", "recipes")


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall list`."""
    command.add_argument("what", nargs="?", choices=LISTS, help="empty: all of them")


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Print the datasets, the models and the recipes there are, or one of these."""
    from rollcall.report.words.facts import list_choices

    say(list_choices([arguments.what] if arguments.what else LISTS))
    return 0
