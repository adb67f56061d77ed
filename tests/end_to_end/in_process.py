"""The two steps of an audit that start processes, kernels and workers, taken in this process."""

import ast
import contextlib
import io
from pathlib import Path

import nbformat
from nbformat.v4 import new_output

from rollcall.report.notebooks.parameters import check_parameters


def train(run, cohort, workers=None, progress=None) -> None:
    """Stand for rollcall.training.backends.local.train: one worker, here."""
    from rollcall.training.backends.worker import join_run  # it loads torch

    worker = join_run(str(run.path), run.targets, str(cohort.folder), "cpu")
    worker.train(run.missing())


def execute_notebook(
    notebook: Path, output: Path, parameters: dict, cwd: Path, stream=None, server=None, first=""
) -> None:
    """Stand for rollcall.report.notebooks.execute_notebook: no kernel, the same outputs."""
    check_parameters(notebook, parameters)
    book, names = nbformat.read(notebook, as_version=4), {}
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = run_cell(cell.source, names)
            if "parameters" in cell.metadata.get("tags", []):
                names |= parameters
    nbformat.write(book, output)


def run_cell(source: str, names: dict) -> list:
    """Run a cell as a kernel does; return what it printed and the value of its last expression."""
    body, printed, value = ast.parse(source).body, io.StringIO(), None
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "cell", "exec"), names)
        if last:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs = []
    if printed.getvalue():
        outputs.append(new_output("stream", name="stdout", text=printed.getvalue()))
    if value is not None:
        data = {"text/html": value._repr_html_()}
        outputs.append(new_output("execute_result", data=data, execution_count=1))
    return outputs
