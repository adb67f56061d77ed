"""What the package imports and what pyproject.toml declares are the same list."""

import ast
import importlib.metadata
import re
import sys
import tomllib

from rollcall.util.files import PACKAGE, clone, notebooks

# Declared, and used without an import of ours.
NOT_IMPORTED = {
    "jupyterlab": "`rollcall lab` starts it as a program",
    "dask": "distributed's other half: `dask scheduler`, `dask worker`",
}


def imported_distributions() -> set[str]:
    """The distributions that the package's sources and the notebooks import, whenever they do."""
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    for path in notebooks().glob("**/*.ipynb"):
        import nbformat

        cells = nbformat.read(path, as_version=4).cells
        sources += [cell.source for cell in cells if cell.cell_type == "code"]
    names = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                names |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    where = importlib.metadata.packages_distributions()
    outside = names - set(sys.stdlib_module_names) - {"rollcall"}
    return {normal(where[name][0]) for name in outside}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    project = tomllib.loads((clone() / "pyproject.toml").read_text())["project"]
    return {normal(re.match(r"[\w.-]+", entry)[0]) for entry in project["dependencies"]}


def test_what_is_imported_is_declared():
    assert imported_distributions() <= declared()


def test_what_is_declared_is_imported_or_has_a_reason():
    assert declared() - imported_distributions() == set(NOT_IMPORTED)


def test_the_lock_holds_what_is_declared():
    lines = (clone() / "requirements.lock").read_text().splitlines()
    locked = {normal(line.split("==")[0]) for line in lines if not line.startswith("#")}
    assert declared() <= locked
