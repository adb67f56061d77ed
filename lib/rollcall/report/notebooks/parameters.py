"""The parameters of a notebook, and what may be given for them."""

from __future__ import annotations

import ast
import contextlib
import sys
from pathlib import Path

from rollcall.util.errors import InputError, unknown_name

TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "dict": dict}


def check_parameters(notebook: Path, parameters: dict) -> None:
    """Refuse parameters that a notebook's `parameters` cell lacks, and values of another type."""
    types = declare_parameters(notebook)
    for name, value in parameters.items():
        if name not in types:
            raise unknown_name("parameter", name, types, f"of notebook {notebook.name}")
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
    with _without_url_grammar():
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


@contextlib.contextmanager
def _without_url_grammar():
    """Let nbformat's import save a second.

    jsonschema would load a grammar to check web addresses of a kind that notebooks do not have.
    """
    name = "rfc3987_syntax"
    absent = name not in sys.modules
    if absent:
        sys.modules[name] = None  # an import of it raises ImportError
    try:
        yield
    finally:
        if absent:
            del sys.modules[name]


def _is(value, kind: str) -> bool:
    if isinstance(value, bool):
        return kind not in TYPES or kind == "bool"
    return isinstance(value, TYPES.get(kind, object))
