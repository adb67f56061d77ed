"""`rollcall lab`: JupyterLab on the notebooks."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from rollcall.util import files

HELP = "JupyterLab on the notebooks"
USES_KERNELS = False


def add_options(command: argparse.ArgumentParser) -> None:
    """Add no options: it takes none."""


def run(arguments: argparse.Namespace, server: None = None) -> int:
    """Open JupyterLab on the notebooks; installed, on copies of them in the folder we stand in."""
    return subprocess.call(
        [sys.executable, "-m", "jupyterlab", f"--notebook-dir={files.open_notebooks()}"],
        env=os.environ | {"ROLLCALL_HOME": str(files.home())},
    )
