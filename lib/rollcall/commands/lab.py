"""`rollcall lab`: JupyterLab on copies of the notebooks, with a page to start from."""

from __future__ import annotations

import argparse

from rollcall.commands.common import say

HELP = "JupyterLab on copies of the notebooks"
USES_KERNELS = False
PORT = 8888


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `rollcall lab`."""
    command.add_argument("--port", type=int, default=PORT, help="or the next one that is free")
    command.add_argument("--no-browser", action="store_true", help="print the address alone")


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Open JupyterLab on copies of the notebooks in results/notebooks/, until it is ended."""
    from rollcall.report.notebooks import copies, lab
    from rollcall.util.temporary import private_folder

    folder, sentences = copies.renew_copies()
    for sentence in sentences:
        say(sentence)
    with private_folder() as temporary:
        process, address = lab.start_server(
            folder, temporary, arguments.port, not arguments.no_browser
        )
        ending = f"(Ctrl-C, then y, ends it. The notebooks are copies, in {folder})"
        say(f"JupyterLab is at {address}\n{ending}")
        return lab.await_end(process)
