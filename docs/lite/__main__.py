"""Build the lessons for a browser tab: python -m docs.lite --out site --pyodide folder

JupyterLite with a Python that runs in the browser, and this package as a wheel. The site is a
folder of files for any web server, and asks no other one for anything. `--pyodide` is where
pyodide's files are: its unpacked full distribution, or an archive that has them. Every file is
compared with pyodide-lock.json here, which has what is needed of pyodide's own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from docs.lite.contents import stage_lessons, write_page
from docs.lite.pyodide import make_lock, take_pyodide
from rollcall.util.errors import InputError

TOP = Path(__file__).resolve().parents[2]
TOOLS = TOP / ".venv" / "lite"  # apart: its extensions are none for `rollcall lab`
WHERE = "static/pyodide"  # below the site
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
SETTINGS = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "Rollcall: lessons",
        "litePluginSettings": {
            KERNEL: {"pyodideUrl": f"./{WHERE}/pyodide.js", "disablePyPIFallback": True}
        },
    },
}
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
# Where the notebook's own keys count, as JupyterLite has it: on a slider as well, which then takes
# no arrow keys.
ANYWHERE = ".jp-Notebook.jp-mod-commandMode:not(.jp-mod-readWrite) :focus"


def _call(command: list[str], where: Path = TOP) -> str:
    """Run a command; return what it printed. InputError with its last lines if it fails."""
    done = subprocess.run(command, cwd=where, capture_output=True, encoding="utf-8")
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise InputError(f"{' '.join(command[:4])} … failed:\n{last}")
    return done.stdout


def build_wheel(folder: Path) -> Path:
    """Build this package's wheel; it is pure Python."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    _call(command, TOP)
    return next(folder.glob("rollcall-*-py3-none-any.whl"))


def prepare_tools(folder: Path = TOOLS) -> Path:
    """Make an environment with JupyterLite, once; return its Python. Asks PyPI for packages."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["optional-dependencies"]["lite"]
    python, made = folder / "bin" / "python", folder / "made.json"
    if made.exists() and json.loads(made.read_text(encoding="utf-8")) == wanted:
        return python
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(python), "-m", "pip", "-q", "--disable-pip-version-check"]
    _call([*pip, "install", *wanted])
    frozen = _call([*pip, "freeze"])
    wheels = [line for line in frozen.split() if line.split("==")[0] in ("ipywidgets", "comm")]
    options = ["download", "--no-deps", "-d", str(folder / "wheels")]
    _call([*pip, *options, *wheels])
    made.write_text(json.dumps(wanted), encoding="utf-8")
    return python


def free_sliders(site: Path) -> None:
    """Leave a slider's keys to the slider, as JupyterLab does by now."""
    for path in (site / "build" / "schemas").rglob("*.json"):
        text = path.read_text(encoding="utf-8")
        text = text.replace(f'"{ANYWHERE}"', f'"{ANYWHERE}:not([role=slider])"')
        path.write_text(text, encoding="utf-8")


def build(out: Path, pyodide: Path) -> None:
    """Build the site; what an earlier call built there is replaced.

    InputError if `out` holds anything else, or files of pyodide are missing.
    """
    if out.exists() and not (out / "jupyter-lite.json").exists() and any(out.iterdir()):
        raise InputError(f"{out}: there is something else in it; give a new folder")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        (work / "pyodide").mkdir()
        take_pyodide(pyodide, work / "pyodide")
        python = prepare_tools()
        wheels = [build_wheel(work), *sorted((TOOLS / "wheels").glob("*.whl"))]
        for wheel in wheels:
            shutil.copyfile(wheel, work / "pyodide" / wheel.name)
        lock = json.dumps(make_lock(wheels))
        (work / "pyodide" / "pyodide-lock.json").write_text(lock, encoding="utf-8")
        stage_lessons(work / "files")
        for name, content in (("jupyter-lite", SETTINGS), ("overrides", OVERRIDES)):
            (work / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        options = f"--lite-dir {work} --contents {work}/files --output-dir {work}/site --apps lab"
        options += " --no-sourcemaps --no-unused-shared-packages --no-libarchive"
        command = [str(python), "-m", "jupyterlite_core", "build", *options.split()]
        _call(command, work)
        free_sliders(work / "site")
        shutil.copytree(work / "pyodide", work / "site" / WHERE)
        (work / "site" / "index.html").write_text(write_page(), encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(work / "site", out)


def main(arguments: list[str] | None = None) -> int:
    """Build the site, and say how to look at it."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser("python -m docs.lite", description=about)
    parser.add_argument("--out", required=True, help="folder of the site")
    parser.add_argument("--pyodide", required=True, help="pyodide's distribution: folder, archive")
    given = parser.parse_args(arguments)
    try:
        build(Path(given.out), Path(given.pyodide))
    except InputError as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return 2
    print(f"{given.out}: to look at it, python -m http.server -d {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
