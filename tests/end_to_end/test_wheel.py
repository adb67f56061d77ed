"""Rollcall from a wheel, installed in an environment of its own, works from any folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from rollcall.util.files import clone

pytestmark = pytest.mark.slow
SMALL = ("--targets", "8", "--option", "patients=60", "--recipe", "epochs=2")


def run(*command, cwd, **environment):
    """Run a command as a user without our settings would."""
    clean = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONPATH", "ROLLCALL_HOME", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with the wheel in it; what it depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=clone())
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "venv" / "share").mkdir(exist_ok=True)
    (folder / "venv" / "share" / "jupyter").symlink_to(Path(sys.prefix) / "share" / "jupyter")
    return packages


def list_files(folder):
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_an_audit_in_a_folder_with_a_lib_and_notebooks_of_its_own(environment, tmp_path):
    rollcall = environment.parents[2] / "bin" / "rollcall"
    (tmp_path / "lib").mkdir()
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "lib" / name).write_text("raise SystemExit('the lib of somebody else')\n")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "1_train.ipynb").write_text("not a notebook")
    installed, here = list_files(environment), list_files(tmp_path)

    printed = run(rollcall, "audit", *SMALL, cwd=tmp_path)

    report = tmp_path / "results" / "simulated" / "mlp" / "report.html"
    assert str(report) in printed
    assert report.read_text().count("<figure ") >= 6
    assert (report.parent / "notebooks" / "3_disparity.ipynb").is_file()
    assert list((tmp_path / "data" / "simulated" / "prepared").glob("*/cohort.json"))
    assert list_files(environment) == installed
    new = list_files(tmp_path) - here
    assert {path.relative_to(tmp_path).parts[0] for path in new} == {"data", "results"}


def test_the_wheel_lists_what_there_is(environment, tmp_path):
    python = environment.parents[2] / "bin" / "python"
    printed = run(python, "-m", "rollcall", "list", cwd=tmp_path)
    for name in ("diabetes130", "wrn_28_2", "paper"):
        assert name in printed
    assert not list(tmp_path.iterdir())
