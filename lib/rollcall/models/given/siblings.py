"""The files that a user's network is made of: its own, and those beside it that it imports.

They are read, not run: imports stand in the source, also those inside of functions. What is
imported by a name that is computed is not known here.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from rollcall.util.errors import InputError, first_line
from rollcall.util.faults import raise_machine_fault


@dataclass(frozen=True)
class Source:
    """A file of Python: its path, whether it is a package's, and what it holds.

    A folder of modules without __init__.py holds nothing, and is a package.
    """

    path: Path
    is_package: bool
    content: bytes


def read_sources(path: Path) -> dict[str, Source]:
    """Read a file and what it imports from beside it: module -> Source; the file itself is "".

    InputError for a file that cannot be read or is no Python, naming the line, and for one beside
    it that has the name of a module of Python's own.
    """
    sources: dict[str, Source] = {"": _read(path, False)}
    waiting = [("", sources[""])]
    while waiting:
        module, source = waiting.pop()
        for wanted in _list_imports(module, source):
            for name, beside in _resolve(path.parent, wanted):
                if name not in sources:
                    sources[name] = beside
                    waiting.append((name, beside))
    return sources


def digest_sources(path: Path, sources: dict[str, Source]) -> dict[str, str]:
    """Return the sha256 of each file's content, by its path from the folder of the first."""
    return {
        source.path.relative_to(path.parent).as_posix(): hashlib.sha256(source.content).hexdigest()
        for source in sources.values()
        if source.path.suffix == ".py"
    }


def _read(path: Path, is_package: bool) -> Source:
    try:
        return Source(path, is_package, path.read_bytes())
    except OSError as error:
        raise_machine_fault(error, path)
        raise InputError(f"{path}: cannot be read ({first_line(error)})") from error


def _list_imports(module: str, source: Source) -> set[str]:
    """List the dotted names that a file imports, or may: `from a import b` gives a and a.b."""
    try:
        tree = ast.parse(source.content, str(source.path))
    except SyntaxError as error:
        raise InputError(
            f"{source.path}, line {error.lineno}: {error.msg}; expected a file of Python"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{source.path}: {first_line(error)}; expected a file of Python"
        ) from error
    names = set[str]()
    package = module.split(".") if source.is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: max(0, len(package) - node.level + 1)] if node.level else []
            if node.level and not above:
                continue  # beyond the folder: refused when it is imported
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{each.name}" for each in node.names)}
    return {name for name in names if name.partition(".")[0] != "rollcall"}


def _resolve(folder: Path, name: str) -> list[tuple[str, Source]]:
    """Find the files of a dotted name under a folder: its packages, and the module."""
    parts, result = name.split("."), []
    for count in range(1, len(parts) + 1):
        stem = folder.joinpath(*parts[:count])
        module, package = stem.with_name(f"{stem.name}.py"), stem / "__init__.py"
        if package.is_file():
            beside = _read(package, True)
        elif module.is_file():
            beside = _read(module, False)
        elif stem.is_dir() and _holds_module(stem, parts[count:]):
            beside = Source(stem, True, b"")
        else:
            break
        if parts[0] in sys.stdlib_module_names:
            raise InputError(
                f"{beside.path} hides the module {parts[0]!r} of Python's own, which is imported "
                f"beside it; rename it"
            )
        result.append((".".join(parts[:count]), beside))
    return result


def _holds_module(folder: Path, parts: list[str]) -> bool:
    """Say whether a folder without __init__.py has the module that is imported from it."""
    if not parts:
        return False
    inside = folder / parts[0]
    return inside.with_name(f"{parts[0]}.py").is_file() or (
        inside.is_dir() and ((inside / "__init__.py").is_file() or _holds_module(inside, parts[1:]))
    )
