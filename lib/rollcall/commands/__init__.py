"""The commands of the command line, one module each.

HELP                     one line
USES_KERNELS = True      if it executes notebooks: a kernel server starts while it gets ready
add_options(command)     adds its options to an argparse parser; to know them may take imports
run(arguments, server)   does it and returns the exit status; server: a KernelServer, or None
"""

from __future__ import annotations

from importlib import import_module

NAMES = (  # in the order of --help
    *("audit", "describe", "rehearse", "attack", "release"),
    *("figure", "list", "doctor", "lab"),
)


def find(name: str):
    """Import a command's module."""
    return import_module(f"rollcall.commands.{name}")
