"""Import the file of a user's network, because its user named it, and say where it fails.

What runs is what was hashed: the sources are compiled from the bytes that were read, and nothing is
written beside them.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from rollcall.models.given.names import Given
from rollcall.models.given.siblings import Source, digest_sources, read_sources
from rollcall.util.errors import InputError, first_line, unknown_name
from rollcall.util.faults import MEMORY, MachineError, describe_machine_fault

LACKS_MEMORY = ("out of memory", "can't allocate memory")  # torch's words, of GPUs and CPUs


class _Importer:
    """Finds and loads the modules of `sources`, by their names; the others are Python's affair."""

    def __init__(self, sources: dict[str, Source]):
        self.sources = sources

    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        source = self.sources.get(fullname)
        return None if source is None else self.make_spec(fullname, source)

    def make_spec(self, name: str, source: Source) -> ModuleSpec:
        spec = ModuleSpec(name, self, origin=str(source.path), is_package=source.is_package)
        spec.has_location = source.path.suffix == ".py"
        if source.is_package:
            folder = source.path.parent if spec.has_location else source.path
            spec.submodule_search_locations = [str(folder)]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__
        source = self.sources[module.__spec__.name]
        exec(compile(source.content, str(source.path), "exec"), module.__dict__)


def load_maker(given: Given, files: dict[str, str] | None = None) -> Callable:
    """Return the class or function that makes a user's network, its file imported if need be.

    files: the sha256 of each file that it is made of, as `digest_sources` gives them; None: as they
    are. InputError for a file that has changed, that cannot be imported, or has no such name.
    """
    path = given.path
    assert path is not None
    sources = read_sources(path)
    digests = digest_sources(path, sources)
    if files is not None:
        check_unchanged(path, digests, files)
    key = hashlib.sha256(repr((str(path), sorted(digests.items()))).encode()).hexdigest()
    name = f"rollcall_given_{key[:16]}"
    module = sys.modules.get(name) or _import(name, path, sources)
    if not hasattr(module, given.name):
        known = [each for each, value in vars(module).items() if _is_made_in(value, name)]
        raise unknown_name("network", given.name, known or ["none"], f"in {path}")
    maker = getattr(module, given.name)
    if not callable(maker):
        raise InputError(
            f"{path}: {given.name} is a {type(maker).__name__}; expected a class or function that "
            "makes the network from input_shape and outputs"
        )
    return maker


def check_unchanged(path: Path, digests: dict[str, str], files: dict[str, str]) -> None:
    """Check that the files of a network are those of a run; InputError, naming the first."""
    if digests == files:
        return
    names = sorted(
        name for name in digests.keys() | files.keys() if digests.get(name) != files.get(name)
    )
    raise InputError(
        f"{path.parent / names[0]}: not as it was when the run began (its sha256, or the files "
        "beside it that are imported); put it back as it was, or choose another --run"
    )


def _import(name: str, path: Path, sources: dict[str, Source]) -> ModuleType:
    """Import a file as module `name`, and what it imports from beside it under their own names."""
    importer = _Importer(sources | {name: sources[""]})
    _make_way(sources)
    sys.meta_path.insert(0, importer)
    module = module_from_spec(importer.make_spec(name, sources[""]))
    sys.modules[name] = module
    try:
        with blamed(f"{path} cannot be imported", list_paths(sources)):
            importer.exec_module(module)
    except BaseException:
        del sys.modules[name]
        sys.meta_path.remove(importer)
        raise
    return module


def _make_way(sources: dict[str, Source]) -> None:
    """Forget modules of other networks that have the same names; InputError for anybody else's."""
    for name, source in sources.items():
        module = sys.modules.get(name)
        if module is None or not name:
            continue
        spec = module.__spec__
        if spec is not None and isinstance(spec.loader, _Importer):
            del sys.modules[name]
        elif getattr(module, "__file__", None) != str(source.path):
            raise InputError(
                f"{source.path} hides the package {name!r}, which Rollcall has loaded; rename it"
            )
    for importer in [each for each in sys.meta_path if isinstance(each, _Importer)]:
        if importer.sources.keys() & sources.keys() - {""}:
            sys.meta_path.remove(importer)


def _is_made_in(value, module: str) -> bool:
    return callable(value) and getattr(value, "__module__", "") == module


def list_paths(sources: dict[str, Source]) -> list[Path]:
    """List the paths of sources."""
    return [source.path for source in sources.values()]


@contextmanager
def blamed(doing: str, paths: Collection[Path]) -> Iterator[None]:
    """Turn what fails in a user's code into an InputError that names its file and line.

    doing: what failed, for errors that are of no line of these files. What the machine refuses
    stays what it is; MachineError where memory is short, on a CPU.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            raise
        if any(words in str(error) for words in LACKS_MEMORY):
            raise MachineError(f"{doing}: {MEMORY}") from error
        blame = explain_error(error, doing, paths)
        if blame is None:
            raise
        raise blame from error


def explain_error(error: BaseException, doing: str, paths: Collection[Path]) -> InputError | None:
    """Return the InputError that stands for an error of a user's code; None for the machine's."""
    lacks_memory = any(words in str(error) for words in LACKS_MEMORY)
    if isinstance(error, InputError) or lacks_memory or describe_machine_fault(error):
        return None
    names = {str(path) for path in paths}
    where = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename in names:
            where = f"{frame.f_code.co_filename}, line {line}"
    if isinstance(error, SyntaxError) and error.filename in names:
        where = f"{error.filename}, line {error.lineno}"
    text = first_line(error) if isinstance(error, Exception) else "it ends the process"
    kind = type(error).__name__
    text = text if text == kind else f"{kind}: {text}"
    return InputError(f"{doing}: {where}: {text}" if where else f"{doing}: {text}")
