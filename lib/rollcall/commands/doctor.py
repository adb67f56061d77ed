"""`rollcall doctor`: what this machine has, and what an audit will use of it."""

from __future__ import annotations

import argparse

from rollcall.commands.common import say

HELP = "what this machine has, and what an audit will use of it"
USES_KERNELS = False


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall doctor`."""
    command.add_argument("--out", default="", help="folder for results; empty: results/")
    command.add_argument("--data", default="", help="for prepared cohorts; empty: data/")


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Print what this machine has and what an audit will use of it; 1 if none can run here."""
    from rollcall.auditing.doctor import examine

    lines, can_run = examine(arguments.out, arguments.data)
    say("\n".join(lines))
    return 0 if can_run else 1
