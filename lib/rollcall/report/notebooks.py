"""Runs a notebook from the command line, strictly: misspelt parameters, failures and killed kernels all raise.

The kernel talks over Unix sockets in a private folder; its ports would be open in clear text to everyone on a shared machine.
"""

from __future__ import annotations

import ast
import os
import shutil
import socket
import tempfile
from pathlib import Path

from rollcall.util.errors import InputError, unknown_name
from rollcall.util.files import PACKAGE, home

TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "dict": dict}


def execute(notebook: Path, output: Path, parameters: dict, cwd: Path, stream=None) -> None:
    """Run `notebook` with `parameters` in folder `cwd`; its executed copy takes the name `output` only when every cell ran.

    What the notebook writes to stderr, its progress bars, goes to `stream` at once and is not stored. A notebook that fails
    is left as <output>.failed.ipynb.
    """
    notebook, output, cwd = Path(notebook).resolve(), Path(output).resolve(), Path(cwd).resolve()
    check(notebook, parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    part, failed = (
        output.with_name(output.stem + ".part.ipynb"),
        output.with_name(output.stem + ".failed.ipynb"),
    )
    sockets = tempfile.mkdtemp(
        prefix="rollcall-", dir="/tmp" if os.path.isdir("/tmp") else None
    )  # a socket's path has at most 103 bytes
    try:
        _run(notebook, part, parameters, cwd, stream, sockets)
        _clean(part)
        os.replace(part, output)
        failed.unlink(missing_ok=True)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
        if part.exists():
            os.replace(part, failed)


def check(notebook: Path, parameters: dict) -> None:
    """Refuse parameters that the notebook's `parameters` cell does not have, and values of another type."""
    known = declared(notebook)
    for name, value in parameters.items():
        if name not in known:
            raise unknown_name(f"parameter of notebook {notebook.name}", name, known)
        kind, _, inner = known[name].rstrip("]").partition("[")
        if kind == "Optional":
            if value is None:
                continue
            kind, _, inner = inner.rstrip("]").partition("[")
        good = _is(value, kind) and (kind != "list" or all(_is(item, inner) for item in value))
        if not good:
            raise InputError(
                f"parameter {name!r} of notebook {notebook.name} must be {known[name]}, not {value!r}"
            )


def declared(notebook: Path) -> dict[str, str]:
    """Name and type of each parameter of a notebook, from the annotation or else from the default."""
    import nbformat

    if not notebook.is_file():
        raise InputError(f"no notebook at {notebook}")
    found = {}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if "parameters" not in cell.metadata.get("tags", []):
            continue
        for line in ast.parse(cell.source).body:
            if isinstance(line, ast.AnnAssign):
                found[line.target.id] = ast.unparse(line.annotation)
            elif isinstance(line, ast.Assign):
                kind = type(ast.literal_eval(line.value)).__name__
                found |= {target.id: "" if kind == "NoneType" else kind for target in line.targets}
    return found


def _is(value, kind: str) -> bool:
    if isinstance(value, bool):
        return kind not in TYPES or kind == "bool"
    return isinstance(value, TYPES.get(kind, object))


def _run(notebook: Path, part: Path, parameters: dict, cwd: Path, stream, sockets: str) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        book = papermill.execute_notebook(
            _literal(notebook),
            _literal(part),
            parameters,
            kernel_name="python3",
            language="python",
            cwd=str(cwd),
            start_timeout=180,
            progress_bar=False,
            log_output=False,
            stderr_file=_Lines(stream) if stream else None,
            kernel_manager_class=_kernel(sockets, _environment(stream)),
        )
    except PapermillExecutionError as error:
        said = " ".join(str(error.evalue).split())
        if error.ename == "InputError":
            raise InputError(said) from None
        raise RuntimeError(
            f"{notebook.name} failed at In [{error.exec_count}]: {error.ename}: {said}"
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
            f"{notebook.name} stopped early: {ran.count(False)} of its {len(ran)} code cells did not run"
        )


def _literal(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")  # papermill fills braces in paths


def _kernel(sockets: str, environment: dict):
    """The class of a kernel of this very Python, reached by Unix sockets in the folder `sockets`, or encrypted where there are none."""
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
            quiet = [
                *options.pop("extra_arguments", []),
                "--log-level=CRITICAL",
            ]  # else "KeyboardInterrupt caught" at some shutdowns
            return await super().start_kernel(
                **{**options, "extra_arguments": quiet, "env": environment}
            )

    return Kernel


def _environment(stream) -> dict:
    path = os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "ROLLCALL_HOME": str(home()),
        "ROLLCALL_PLAIN_PROGRESS": "1",
        "TQDM_MININTERVAL": "0.5" if _terminal(stream) else "30",
    }


def _terminal(stream) -> bool:
    return bool(stream) and getattr(stream, "isatty", bool)()


class _Lines:
    """A stream as papermill writes to it; in a log each state of a progress bar gets a line of its own."""

    def __init__(self, stream):
        self.stream, self.terminal = stream, _terminal(stream)

    def write(self, text: str) -> None:
        self.stream.write(text if self.terminal else text.replace("\r", "\n"))

    def flush(self) -> None:
        self.stream.flush()


def _clean(path: Path) -> None:
    """Leave out what differs between two identical runs: times, a random cell id, progress bars."""
    import nbformat

    book = nbformat.read(path, as_version=4)
    book.metadata.pop("papermill", None)
    for cell in book.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    nbformat.write(book, path)
