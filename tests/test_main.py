"""The command line apart from whole audits: its lists, its help, its version."""

import importlib.metadata
import subprocess
import sys
import tomllib

import psutil
import pytest

from rollcall import __main__ as command_line
from rollcall import __version__, datasets, recipes
from rollcall.__main__ import build_parser, main
from rollcall.commands.list import LISTS
from rollcall.models.registry import MODELS
from rollcall.util import files
from rollcall.util.errors import InputError


def test_lists_name_every_dataset_model_and_recipe(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    lines = [line.split() for line in printed.splitlines() if line.startswith("  ")]
    names = [words[0] for words in lines]
    described = [(words[0], words[1]) for words in lines]
    for name in datasets.NAMES:
        assert name in names
        about = datasets.about(name)
        assert f"{about.licence}" in printed
        assert f"{about.access}" in printed
        for recipe in recipes.list_recipes(name):
            assert (name, recipe) in described
    assert set(MODELS) <= set(names)
    assert ("wrn_28_2", "1,467,838") in described


@pytest.mark.parametrize("what", LISTS)
def test_one_list_alone(capsys, what):
    assert main(["list", what]) == 0
    printed = capsys.readouterr().out
    heads = [line for line in printed.splitlines() if line and not line.startswith(" ")]
    assert len(heads) == 1
    assert heads[0].lower().startswith(what)


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"rollcall {__version__}\n"
    project = tomllib.loads((files.home() / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]


LOADED = """
import contextlib, io, sys
from rollcall.__main__ import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main(sys.argv[1:])
heavy = "numpy", "pandas", "scipy", "scipy.stats", "matplotlib", "torch", "papermill", "nbformat"
print(*(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        ("--help", set()),
        ("--version", set()),
        ("attack --help", {"numpy", "pandas", "scipy"}),
        ("list datasets", {"numpy", "pandas"}),
        ("list recipes", {"numpy", "pandas"}),
        ("audit --help", {"numpy", "pandas", "scipy"}),
    ],
)
def test_a_command_imports_what_it_needs(command, needed):
    words = [sys.executable, "-c", LOADED, *command.split()]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= needed


def test_the_home_folder_is_meant_where_no_shell_has_put_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    words = [
        "attack",
        "--scores=~/s.npy",
        "--members",
        "m~",
        "--patients",
        "~/i.csv",
        "--out=~/a b",
    ]
    parsed = command_line._parse("attack", words)
    assert (parsed.scores, parsed.members) == (str(tmp_path / "s.npy"), "m~")
    assert (parsed.out, parsed.attributes) == (str(tmp_path / "a b"), None)
    assert command_line._parse("rehearse", ["rehearse", "--cohort=chexpert"]).patients > 0
    with pytest.raises(InputError, match=r"^--out 'o.*LC_ALL=C.UTF-8"):
        command_line._parse("audit", ["audit", "--out", "o\udcc3\udca9"])


def test_wrong_input_leaves_no_process(capsys):
    before = psutil.Process().children(recursive=True)
    assert main(["audit", "--targets", "9"]) == 2
    assert psutil.Process().children(recursive=True) == before


def test_a_clone_on_the_path_works_without_being_installed(monkeypatch, capsys):
    def lacks_metadata(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", lacks_metadata)
    assert main(["list", "datasets"]) == 0
    assert "simulated" in capsys.readouterr().out


def test_a_list_whose_reader_has_gone_ends_quietly():
    command = [sys.executable, "-m", "rollcall", "list", "recipes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("command", "names"), [("audit", datasets.NAMES), ("rehearse", datasets.REHEARSABLE)]
)
def test_help_names_the_datasets(capsys, command, names):
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    words = capsys.readouterr().out.replace(",", " ").split()
    assert set(names) <= set(words)
