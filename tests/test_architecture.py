"""The house: which room may import which, and how large it may be, from the sources."""

import ast
from pathlib import Path

import pytest

from rollcall.util.files import PACKAGE, clone

# From the ground up; a room imports rooms of lower floors alone. docs/architecture.md draws it.
FLOORS = (
    ("util",),
    ("models", "stats"),
    ("recipes",),
    ("data",),
    ("datasets", "risk", "runs"),
    ("attacks", "rehearse", "training"),
    ("paper",),
    ("report",),
    ("auditing",),
    ("experiments",),
    ("commands",),
    ("__main__",),
)
MOST_LINES, MOST_COLUMNS, MOST_AT_THE_TOP, MOST_IN_A_ROOM = 300, 100, 18, 10
REGISTRIES = {"datasets": "one file a dataset"}  # rooms that may hold more files than others
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """lib/rollcall/risk/__init__.py -> rollcall.risk"""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports_of(path: Path) -> set[str]:
    """The modules of rollcall that a file imports, at the top or inside a function."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            base = node.module or ""
            # `from rollcall.risk import odds` imports a module, `import Risk` the package
            imported |= {
                f"{base}.{name.name}" if f"{base}.{name.name}" in MODULES else base
                for name in node.names
            }
    return {name for name in imported if name in MODULES}


IMPORTS = {name: imports_of(path) for name, path in MODULES.items()}


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def test_every_room_has_a_floor():
    rooms = {room_of(name) for name in MODULES} - {""}
    assert rooms == {room for floor in FLOORS for room in floor}


def test_imports_look_down():
    height = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    up = [
        f"{name} -> {other}"
        for name, others in IMPORTS.items()
        for other in others
        if room_of(name) and room_of(other) and room_of(name) != room_of(other)
        if height[room_of(other)] >= height[room_of(name)]
    ]
    assert not up


def test_no_circle_between_modules():
    waiting, done = dict(IMPORTS), set()
    while ready := {name for name, others in waiting.items() if others - {name} <= done}:
        done |= ready
        waiting = {name: others for name, others in waiting.items() if name not in done}
    assert not waiting, f"these import each other: {sorted(waiting)}"


def test_the_top_is_small():
    top = [
        entry.name
        for entry in PACKAGE.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    ]
    assert len(top) <= MOST_AT_THE_TOP, sorted(top)


def test_a_room_is_small():
    for init in PACKAGE.rglob("__init__.py"):
        room = init.parent
        files = [path.name for path in room.glob("*.py") if path.name != "__init__.py"]
        if room != PACKAGE and room.name not in REGISTRIES:
            assert len(files) <= MOST_IN_A_ROOM, f"{room}: {sorted(files)}"


@pytest.mark.parametrize("folder", ["lib", "benchmarks", "tests"])
def test_files_are_short_and_narrow(folder):
    """Tests may be longer than 300 lines, one file a module; nothing is wider than 100 columns."""
    for path in sorted((clone() / folder).rglob("*.py")):
        lines = path.read_text().splitlines()
        assert folder == "tests" or len(lines) <= MOST_LINES, f"{path}: {len(lines)} lines"
        wide = [number for number, line in enumerate(lines, 1) if len(line) > MOST_COLUMNS]
        assert not wide, f"{path}: lines {wide} are wider than {MOST_COLUMNS} columns"


def test_no_module_has_the_name_of_a_function_that_it_or_its_package_exports():
    def functions(path: Path) -> set[str]:
        return {
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        }

    twice = []
    for name, path in MODULES.items():
        own = name.rsplit(".", 1)[-1]
        package = path.parent / "__init__.py"
        if own in functions(path) | functions(package):
            twice.append(name)
    assert not twice


def test_the_words_of_the_house():
    """Names say what a thing is; no text points to notes that are not in the repository."""
    banned = {"found", "own", "how", "told", "said"}
    for path in FILES:
        text = path.read_text()
        assert "(facts" not in text, path
        names = {
            node.id
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        } | {node.arg for node in ast.walk(ast.parse(text)) if isinstance(node, ast.arg)}
        assert not names & banned, f"{path}: {sorted(names & banned)}"


def test_parquet_is_read_in_one_place():
    """A process that exits after pyarrow's threads have read a file may abort."""
    reading = {path.name for path in MODULES.values() if "read_parquet" in path.read_text()}
    assert reading == {"files.py"}
