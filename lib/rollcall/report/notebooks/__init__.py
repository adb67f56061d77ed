"""Run a notebook from the command line, strictly.

Misspelt parameters, failures and killed kernels all raise.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rollcall.report.notebooks.failures import make_death, make_error
from rollcall.report.notebooks.kernels import (
    KernelServer,
    is_terminal,
    last_message,
    make_kernel_class,
)
from rollcall.report.notebooks.parameters import check_parameters
from rollcall.runs.derived.parts import FAILED
from rollcall.util.files import atomic_write, make_private
from rollcall.util.temporary import private_folder

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
    <output>.failed.ipynb. Of paths among the parameters both keep the last part alone. What it
    writes to stderr, its progress bars, goes to `stream` at once and is not stored. server: forks
    the kernel (kernels.start_kernel_server); None: a fresh one. first: code that the kernel runs
    before any cell, out of the notebook's sight. InputError for wrong parameters and for what the
    notebook raises as one; MachineError likewise; RuntimeError for any other failure.
    """
    notebook, output, cwd = Path(notebook).resolve(), Path(output).resolve(), Path(cwd).resolve()
    check_parameters(notebook, parameters)
    make_private(output.parent)
    failed = output.with_name(output.stem + FAILED)
    with _temporary_folder(server) as temporary:
        unfinished = temporary / output.name
        try:
            _run(notebook, unfinished, failed, parameters, cwd, stream, server, first)
        except BaseException:
            if unfinished.exists():
                with contextlib.suppress(Exception):  # of two errors the first is the one to tell
                    _store(unfinished, failed, parameters)
            raise
        _store(unfinished, output, parameters)
        failed.unlink(missing_ok=True)


@contextlib.contextmanager
def _temporary_folder(server: KernelServer | None) -> Iterator[Path]:
    """Make the folder of one kernel: its sockets and temporary files, and the notebook so far."""
    with contextlib.ExitStack() as stack:
        parent = server.temporary if server else stack.enter_context(private_folder())
        yield Path(stack.enter_context(tempfile.TemporaryDirectory("", "", parent)))


def _run(
    notebook: Path,
    output: Path,
    failed: Path,
    parameters: dict,
    cwd: Path,
    stream: TextIO | None,
    server: KernelServer | None,
    first: str,
) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    folders = [output.parent, *([server.temporary] if server else [])]
    kernel_class, poll = make_kernel_class(output.parent, stream, server, first)
    lines = _Lines(stream) if stream else None
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
            stderr_file=lines,
            kernel_manager_class=kernel_class,
        )
    except PapermillExecutionError as error:
        if error.ename == "KeyboardInterrupt":
            raise KeyboardInterrupt from None
        place = error.exec_count or 0
        raise make_error(notebook.name, failed, place, error.ename, str(error.evalue)) from None
    except DeadKernelError:
        raise make_death(notebook.name, poll(), last_message(*folders)) from None
    except RuntimeError as error:  # of jupyter_client, where a kernel has died while it started
        if (code := poll()) is None:
            raise
        raise make_death(notebook.name, code, last_message(*folders)) from error
    finally:
        if lines:
            lines.end()
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
    """A stream for papermill to write to; in a log each state of a progress bar has its line.

    Nothing is lost where nobody reads it any more, or the log's disk is full.
    """

    def __init__(self, stream: TextIO):
        self.stream, self.terminal, self.last = stream, is_terminal(stream), "\n"

    def write(self, text: str) -> None:
        self.last = (self.last + text)[-1]
        with contextlib.suppress(OSError):
            self.stream.write(text if self.terminal else text.replace("\r", "\n"))

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self.stream.flush()

    def end(self) -> None:
        """End a line that was begun: what follows is none of the notebook's."""
        if self.last != "\n":
            self.write("\n")
            self.flush()


def _store(source: Path, output: Path, parameters: dict) -> None:
    """Write an executed notebook without what differs between two identical runs.

    That is times, a random cell id, bars, and the folders that paths among the parameters lead
    through: the notebook may leave the machine.
    """
    import nbformat
    from papermill.translators import PythonTranslator

    book = nbformat.read(source, as_version=4)
    book.metadata.pop("papermill", None)
    shown = {name: _shorten(value) for name, value in parameters.items()}
    for cell in book.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.source = PythonTranslator.codify(shown, "Parameters")
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    with atomic_write(output) as file:
        file.write(nbformat.writes(book).encode() + b"\n")


def _shorten(value):
    """Return a parameter's value with the last part of a path in place of the path."""
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    if not isinstance(value, str) or os.sep not in value:
        return value
    before, separator, path = value.rpartition("=")  # settings.weights="/a/b"
    mark = path[:1] if path[:1] in ("'", '"') else ""
    if not os.path.isabs(path.strip(mark) if mark else path):
        return value
    return f"{before}{separator}{mark}…{os.sep}{os.path.basename(path)}"
