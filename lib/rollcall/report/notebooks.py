"""Run a notebook from the command line, strictly.

Misspelt parameters, failures and killed kernels all raise. The kernel talks over Unix sockets in a
private folder: its ports would be open in clear text to everyone on a shared machine.
"""

from __future__ import annotations

import ast
import os
import shutil
import socket
import sysconfig
import tempfile
from pathlib import Path
from typing import TextIO

from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import PACKAGE, home

TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "dict": dict}
START_TIMEOUT = 180  # seconds that a kernel may take to start


def execute_notebook(
    notebook: Path,
    output: Path,
    parameters: dict,
    cwd: Path,
    stream: TextIO | None = None,
) -> None:
    """Run `notebook` with `parameters` in folder `cwd`; write its executed copy to `output`.

    The copy takes that name only when every cell ran; a notebook that fails is left as
    <output>.failed.ipynb. What it writes to stderr, its progress bars, goes to `stream` at once
    and is not stored. InputError for wrong parameters and for what the notebook raises as one;
    RuntimeError for any other failure.
    """
    notebook, output, cwd = Path(notebook).resolve(), Path(output).resolve(), Path(cwd).resolve()
    check_parameters(notebook, parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.stem + ".part.ipynb")
    failed = output.with_name(output.stem + ".failed.ipynb")
    short_folder = "/tmp" if os.path.isdir("/tmp") else None  # a socket's path has 103 bytes
    sockets = tempfile.mkdtemp(prefix="rollcall-", dir=short_folder)
    try:
        _run(notebook, unfinished, parameters, cwd, stream, sockets)
        _clean(unfinished)
        os.replace(unfinished, output)
        failed.unlink(missing_ok=True)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
        if unfinished.exists():
            os.replace(unfinished, failed)


def check_parameters(notebook: Path, parameters: dict) -> None:
    """Refuse parameters that a notebook's `parameters` cell lacks, and values of another type."""
    types = declare_parameters(notebook)
    for name, value in parameters.items():
        if name not in types:
            raise unknown_name(f"parameter of notebook {notebook.name}", name, types)
        kind, _, inner = types[name].rstrip("]").partition("[")
        if kind == "Optional":
            if value is None:
                continue
            kind, _, inner = inner.rstrip("]").partition("[")
        fits = _is(value, kind) and (kind != "list" or all(_is(item, inner) for item in value))
        if not fits:
            raise InputError(
                f"parameter {name!r} of notebook {notebook.name} must be {types[name]}, "
                f"not {value!r}"
            )


def declare_parameters(notebook: Path) -> dict[str, str]:
    """Return the type of each parameter of a notebook, from its annotation or its default."""
    import nbformat

    if not notebook.is_file():
        raise InputError(f"no notebook at {notebook}")
    types = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if "parameters" not in cell.metadata.get("tags", []):
            continue
        for line in ast.parse(cell.source).body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                types[line.target.id] = ast.unparse(line.annotation)
            elif isinstance(line, ast.Assign):
                kind = type(ast.literal_eval(line.value)).__name__
                kind = "" if kind == "NoneType" else kind
                types |= {name.id: kind for name in line.targets if isinstance(name, ast.Name)}
    return types


def _is(value, kind: str) -> bool:
    if isinstance(value, bool):
        return kind not in TYPES or kind == "bool"
    return isinstance(value, TYPES.get(kind, object))


def _run(
    notebook: Path,
    output: Path,
    parameters: dict,
    cwd: Path,
    stream: TextIO | None,
    sockets: str,
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
            progress_bar=False,
            log_output=False,
            stderr_file=_Lines(stream) if stream else None,
            kernel_manager_class=_kernel_class(sockets, _environment(stream)),
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


def _kernel_class(sockets: str, environment: dict):
    """Make the class of a kernel of this very Python, reached by Unix sockets in a folder.

    Where a system has none, it is reached by encrypted ports.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class Kernel(AsyncKernelManager):
        def __init__(self, **options):
            super().__init__(**options)
            self.connection_file = os.path.join(sockets, "kernel.json")
            if hasattr(socket, "AF_UNIX"):
                self.transport, self.ip = "ipc", os.path.join(sockets, "kernel")
            elif self.has_trait("transport_encryption"):
                self.transport_encryption = "required"

        @property
        def kernel_spec(self):  # not whichever Python a python3 kernel was once installed for
            return KernelSpec(**get_kernel_dict())

        async def start_kernel(self, **options):
            # else "KeyboardInterrupt caught" at some shutdowns
            options["extra_arguments"] = [
                *options.get("extra_arguments", []),
                "--log-level=CRITICAL",
            ]
            return await super().start_kernel(**{**options, "env": environment})

    return Kernel


def _environment(stream: TextIO | None) -> dict[str, str]:
    """Make the environment of a kernel, which runs in another folder than this process."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(_python_path()),
        "ROLLCALL_HOME": str(home()),
        "ROLLCALL_PLAIN_PROGRESS": "1",
        "TQDM_MININTERVAL": "0.5" if _is_terminal(stream) else "30",
    }


def _python_path() -> list[str]:
    """List PYTHONPATH's folders as absolute paths, Rollcall's first unless Python knows it."""
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [os.path.abspath(folder) for folder in folders if folder]
    library = str(PACKAGE.parent)
    if library in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return folders
    return [library, *folders]


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


class _Lines:
    """A stream for papermill to write to; in a log each state of a progress bar has its line."""

    def __init__(self, stream: TextIO):
        self.stream, self.terminal = stream, _is_terminal(stream)

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
