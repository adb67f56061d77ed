"""The lessons in a browser tab: a pure wheel, what it imports, pyodide's files, our pages."""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest

from docs.lessons import FOLDER
from docs.lite import contents, pyodide
from docs.lite.__main__ import build_wheel, main
from rollcall.util.errors import InputError

# A Python with what the browser has: no process, no thread, no lock, and of packages these alone.
BROWSER = """
import ast, json, sys
from pathlib import Path

HERE, paths = json.loads(sys.argv[1]), map(Path, sys.argv[2:])

import IPython.display, ipywidgets, matplotlib.backends.backend_agg, matplotlib.font_manager
import matplotlib.style, numpy.testing, pandas, scipy.linalg, scipy.ndimage, scipy.optimize
import scipy.sparse, scipy.spatial, scipy.special, scipy.stats

GONE = "_multiprocessing", "_posixshmem", "fcntl", "grp", "lzma", "pwd", "resource", "sqlite3"
missing = []


class OnlyThese:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if top in GONE or top not in {*sys.stdlib_module_names, *HERE}:
            missing.append(name)
            raise ModuleNotFoundError(f"no module {name} in a browser")


for name in list(sys.modules):
    if name.partition(".")[0] in GONE:
        del sys.modules[name]
sys.meta_path.insert(0, OnlyThese)
sys.platform = "emscripten"

import threading
import rollcall
from rollcall.report import lessons

folder = Path.cwd()
assert Path(rollcall.__file__).is_relative_to(folder), rollcall.__file__


def refuse(thread):
    raise RuntimeError("can't start new thread")


threading.Thread.start = refuse
right = {}
for path in paths:
    names, right[path.stem] = {}, 0
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            body = ast.parse("".join(cell["source"])).body
            last = body.pop() if isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), path.name, "exec"), names)
            last = last and compile(ast.Expression(last.value), path.name, "eval")
            value = eval(last, names) if last else None
            if hasattr(value, "_repr_html_"):
                right[path.stem] += value._repr_html_().count("<strong>Right.</strong>")
print()
print(json.dumps({"right": right, "missing": missing}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_is_pure_and_has_words_and_fonts(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (about,) = [name for name in names if name.endswith(".dist-info/WHEEL")]
        assert "Root-Is-Purelib: true" in archive.read(about).decode()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in names if name.endswith((".so", ".pyd", ".dylib", ".pyc"))]
    words = {name for name in names if name.startswith("rollcall/report/lessons/words/")}
    for lesson in contents.list_light():
        assert any(name.endswith(f"{lesson.number}.toml") for name in words), lesson
    assert any(name.endswith("LiberationSans-Regular.ttf") for name in names)


def test_the_light_lessons_run_from_the_wheel_on_what_a_browser_has(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    here = [*pyodide.read_lock()["packages"].values(), *({"imports": [n]} for n in pyodide.NEEDS)]
    packages = {name.partition(".")[0] for package in here for name in package["imports"]}
    light = [FOLDER / each.file for each in contents.list_light() if each.number in "02345"]
    done = subprocess.run(
        [sys.executable, "-c", BROWSER, json.dumps(sorted(packages)), *light],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["right"] == {path.stem: 2 for path in light}
    assert not [name for name in told["missing"] if not name.startswith("pyarrow")]  # pandas asks


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """A folder that looks like pyodide's distribution; the lock is of its files."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    files = {name: f"of {name}".encode() for name in ("pyodide.js", "numpy-2.whl", "other.whl")}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    numpy = {"file_name": "numpy-2.whl", "sha256": digests["numpy-2.whl"], "depends": []}
    lock = {"core": {"pyodide.js": digests["pyodide.js"]}, "packages": {"numpy": numpy}}
    lock["info"] = {"version": "0.0.1"}
    monkeypatch.setattr(pyodide, "read_lock", lambda: json.loads(json.dumps(lock)))
    return folder


@pytest.mark.parametrize("kind", ["folder", "tar.bz2", "zip"])
def test_what_is_needed_is_taken_from_a_folder_or_an_archive(distribution, tmp_path, kind):
    source = distribution if kind == "folder" else tmp_path / f"pyodide.{kind}"
    if kind == "tar.bz2":
        with tarfile.open(source, "w:bz2") as archive:
            archive.add(distribution, "pyodide")
    if kind == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            for path in distribution.iterdir():
                archive.write(path, f"deep/in/it/{path.name}")
    (tmp_path / "to").mkdir()
    pyodide.take_pyodide(source, tmp_path / "to")
    assert {path.name for path in (tmp_path / "to").iterdir()} == {"pyodide.js", "numpy-2.whl"}


@pytest.mark.parametrize("harm", ["gone", "other", "empty", "nowhere", "no archive"])
def test_files_that_are_not_pyodides_are_refused(distribution, tmp_path, harm, capsys):
    source, named = distribution, "numpy-2.whl"
    if harm == "gone":
        (distribution / "numpy-2.whl").unlink()
    elif harm == "other":
        (distribution / "numpy-2.whl").write_bytes(b"of somebody else")
    elif harm == "empty":
        source = tmp_path / "empty"
        source.mkdir()
    else:
        source, named = tmp_path / "x", "expected pyodide's distribution"
        source.write_text("x") if harm == "no archive" else None
    (tmp_path / "to").mkdir()
    with pytest.raises(InputError, match=named):
        pyodide.take_pyodide(source, tmp_path / "to")
    assert main(["--out", str(tmp_path / "site"), "--pyodide", str(source)]) == 2
    assert capsys.readouterr().err.startswith(f"rollcall: {source}: ")
    assert not (tmp_path / "site").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(distribution, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    assert main(["--out", str(tmp_path / "mine"), "--pyodide", str(distribution)]) == 2
    assert "something else" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"


def test_every_package_of_the_site_has_all_that_it_needs(tmp_path):
    wheels = [tmp_path / f"{name}-1.0-py3-none-any.whl" for name in pyodide.NEEDS]
    for path in wheels:
        path.write_bytes(b"")
    lock = pyodide.make_lock(wheels)
    assert "core" not in lock
    normal = {name.lower().replace("_", "-") for name in lock["packages"]}
    for name, package in lock["packages"].items():
        needs = {need.lower().replace("_", "-") for need in package["depends"]}
        assert needs <= normal, name
        assert re.fullmatch(r"[0-9a-f]{64}", package["sha256"])
    assert {"numpy", "scipy", "pandas", "matplotlib", "ipython", "ipywidgets", "comm"} <= normal


def test_the_page_names_every_lesson_that_is_there_and_no_link_leads_elsewhere(tmp_path):
    contents.stage_lessons(tmp_path)
    staged = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*.ipynb")}
    page = contents.write_page()
    assert set(re.findall(r"path=([^\"]+)", page)) == staged
    assert "http" not in page.replace("http-equiv", "")
    assert {"learner/0_was_she_in.ipynb", "clinician/5_who_carries_the_risk.ipynb"} <= staged
    assert not any("/6_" in name for name in staged)
    for path in tmp_path.glob("*/*.ipynb"):
        for link in re.findall(r"\]\(([^)]+\.ipynb)\)", path.read_text()):
            assert (path.parent / link).is_file(), f"{path.name}: {link}"
