"""Run a notebook from the command line, strictly.

Misspelt parameters, failures and killed kernels all raise.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TextIO

from rollcall.report.notebooks.kernels import KernelServer, is_terminal, make_kernel_class
from rollcall.report.notebooks.parameters import check_parameters
from rollcall.util.errors import InputError

START_TIMEOUT = 180  # seconds that a kernel may take to start


def execute_notebook(
    notebook: Path,
    output: Path,
    parameters: dict,
    cwd: Path,
    stream: TextIO | None = None,
    server: KernelServer | None = None,
    first: str = "",
) -> None:
    """Run `notebook` with `parameters` in folder `cwd`; write its executed copy to `output`.

    The copy takes that name only when every cell ran; a notebook that fails is left as
    <output>.failed.ipynb. What it writes to stderr, its progress bars, goes to `stream` at once
    and is not stored. server: forks the kernel (kernels.start_kernel_server); None: a fresh one.
    first: code that the kernel runs before any cell, out of the notebook's sight. InputError for
    wrong parameters and for what the notebook raises as one; RuntimeError for any other failure.
    """
    notebook, output, cwd = Path(notebook).resolve(), Path(output).resolve(), Path(cwd).resolve()
    check_parameters(notebook, parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.stem + ".part.ipynb")
    failed = output.with_name(output.stem + ".failed.ipynb")
    short_folder = "/tmp" if os.path.isdir("/tmp") else None  # a socket's path has 103 bytes
    sockets = tempfile.mkdtemp(prefix="rollcall-", dir=short_folder)
    try:
        kernel_class = make_kernel_class(sockets, stream, server, first)
        _run(notebook, unfinished, parameters, cwd, stream, kernel_class)
        _clean(unfinished)
        os.replace(unfinished, output)
        failed.unlink(missing_ok=True)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
        if unfinished.exists():
            os.replace(unfinished, failed)


def _run(
    notebook: Path,
    output: Path,
    parameters: dict,
    cwd: Path,
    stream: TextIO | None,
    kernel_class: type,
) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        book = papermill.execute_notebook(
            _literal(notebook),
            _literal(output),
            parameters,
            kernel_name="python3",
            language="python",
            cwd=str(cwd),
            start_timeout=START_TIMEOUT,
            shutdown_kernel="immediate",  # every cell has run; what it closed is on disk
            progress_bar=False,
            log_output=False,
            stderr_file=_Lines(stream) if stream else None,
            kernel_manager_class=kernel_class,
        )
    except PapermillExecutionError as error:
        message = " ".join(str(error.evalue).split())
        if error.ename == "InputError":
            raise InputError(message) from None
        raise RuntimeError(
            f"{notebook.name} failed at In [{error.exec_count}]: {error.ename}: {message}"
        ) from None
    except DeadKernelError:
        raise RuntimeError(
            f"{notebook.name} failed: its kernel was killed; was there too little memory?"
        ) from None
    ran = [
        cell.execution_count is not None
        for cell in book.cells
        if cell.cell_type == "code" and cell.source.strip()
    ]
    if not all(ran):  # papermill takes sys.exit(0) for success
        raise RuntimeError(
            f"{notebook.name} stopped early: {ran.count(False)} of its {len(ran)} code cells did "
            "not run"
        )


def _literal(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")  # papermill fills braces in paths


class _Lines:
    """A stream for papermill to write to; in a log each state of a progress bar has its line."""

    def __init__(self, stream: TextIO):
        self.stream, self.terminal = stream, is_terminal(stream)

    def write(self, text: str) -> None:
        self.stream.write(text if self.terminal else text.replace("\r", "\n"))

    def flush(self) -> None:
        self.stream.flush()


def _clean(path: Path) -> None:
    """Leave out what differs between two identical runs: times, a random cell id, bars."""
    import nbformat

    book = nbformat.read(path, as_version=4)
    book.metadata.pop("papermill", None)
    for cell in book.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(book, path)
