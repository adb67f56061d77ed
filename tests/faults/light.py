"""The command line without kernels and figures: `python -m tests.faults.light audit ...`.

The rest is the real thing: arguments, errors, exit status, the run's folder, the processes that
train, the page. A whole audit takes 5 seconds in place of 12.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from rollcall import __main__
from rollcall.report import notebooks
from rollcall.report.notebooks import kernels


def execute_notebook(notebook: Path, output: Path, parameters: dict, *_, **__) -> None:
    """Stand for rollcall.report.notebooks.execute_notebook: in this process, without figures."""
    import nbformat  # here, as all that takes time: the real thing loads no more than it must

    from rollcall.report.notebooks.parameters import check_parameters
    from rollcall.util.files import atomic_write
    from tests.end_to_end.in_process import run_cell

    check_parameters(notebook, parameters)
    book, names = nbformat.read(notebook, as_version=4), {}
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [] if "study.show(" in cell.source else run_cell(cell.source, names)
            if "parameters" in cell.metadata.get("tags", []):
                names |= parameters
    with atomic_write(output) as file:
        file.write(nbformat.writes(book).encode())


if __name__ == "__main__":
    notebooks.execute_notebook = execute_notebook
    kernels.start_kernel_server = lambda *_: contextlib.nullcontext(None)
    sys.exit(__main__.main(sys.argv[1:]))
