"""Where a report comes from: no path of anybody, the commit as git has it."""

import re
import shutil
import subprocess

import pytest

from rollcall import __version__
from rollcall.report.words import origins
from rollcall.report.words.origins import describe_tool, show_command, show_tool, write_day
from rollcall.util.files import clone


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], ""),
        (["audit"], "rollcall audit"),
        (
            ["audit", "--root", "/home/ada/data/CheXpert-v1.0"],
            "rollcall audit --root CheXpert-v1.0",
        ),
        (["audit", "--out=/home/ada/out", "--seed=3"], "rollcall audit --out=out --seed=3"),
        (["audit", "--recipe", "settings.width=64"], "rollcall audit --recipe settings.width=64"),
        (["audit", "--model", "/home/ada/net.py:Net"], "rollcall audit --model net.py:Net"),
        (["audit", "my data/cohort.toml"], "rollcall audit cohort.toml"),
        (["audit", "--scheduler", "tcp://ada-pc:8786"], "rollcall audit --scheduler tcp://..."),
        (["release", "--reference", "a=/home/ada/a.pt"], "rollcall release --reference a=a.pt"),
        (["audit", "--run", "a b"], "rollcall audit --run 'a b'"),
    ],
)
def test_a_command_names_no_folder(words, text):
    assert show_command(words) == text


def test_the_tool_says_version_commit_and_sources():
    tool = describe_tool()
    assert tool["version"] == __version__
    assert re.fullmatch(r"[0-9a-f]{64}", tool["sources"])
    assert tool == describe_tool()
    if shutil.which("git") and clone() and (clone() / ".git").exists():
        done = subprocess.run(
            ["git", "-C", str(clone()), "rev-parse", "HEAD"], capture_output=True, text=True
        )
        assert tool["commit"] == done.stdout.strip()
    assert show_tool(tool | {"commit": "ab" * 20}) == f"Rollcall {__version__} (commit ababababab)"
    assert show_tool(tool | {"commit": ""}).endswith("(no commit known)")


@pytest.mark.parametrize(
    ("files", "commit"),
    [
        ({"HEAD": "a" * 40}, "a" * 40),
        ({"HEAD": "ref: refs/heads/main", "refs/heads/main": "b" * 40}, "b" * 40),
        (
            {"HEAD": "ref: refs/heads/x", "packed-refs": "# pack\n" + "c" * 40 + " refs/heads/x"},
            "c" * 40,
        ),
        ({"HEAD": "ref: refs/heads/x", "packed-refs": "c" * 40 + " refs/heads/xy"}, ""),
        ({"HEAD": "ref: refs/a", "refs/a": "ref: refs/b", "refs/b": "d" * 40}, "d" * 40),
        ({"HEAD": "ref: refs/a", "refs/a": "ref: refs/a"}, ""),
        ({"HEAD": "e" * 64}, "e" * 64),
        ({"HEAD": "e" * 41}, ""),
        ({"HEAD": "nonsense"}, ""),
        ({"HEAD": "ref: refs/heads/none"}, ""),
        ({}, ""),
    ],
)
def test_the_commit_is_read_from_the_files_of_git(tmp_path, monkeypatch, files, commit):
    for name, text in files.items():
        path = tmp_path / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    monkeypatch.setattr(origins, "clone", lambda: tmp_path)
    assert describe_tool()["commit"] == commit


@pytest.fixture(scope="module")
def clones(tmp_path_factory):
    """Clones as git makes them: where each is, by kind."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    top = tmp_path_factory.mktemp("clones")
    plain = top / "plain"
    _git(top, "init", "-q", "plain")
    _git(plain, "commit", "-q", "--allow-empty", "-m", "first")
    _git(plain, "worktree", "add", "-q", "-b", "other/branch", "../worktree with space")
    _git(plain, "worktree", "add", "-q", "--detach", "../detached")
    for name in ("worktree with space", "detached"):
        _git(top / name, "commit", "-q", "--allow-empty", "-m", name)
    _git(top, "clone", "-q", "plain", "packed")
    _git(top / "packed", "pack-refs", "--all")
    _git(top, "init", "-q", "mother")
    _git(top / "mother", "submodule", "--quiet", "add", "../plain", "inner/sub")
    _git(top / "mother/inner/sub", "commit", "-q", "--allow-empty", "-m", "of the submodule")
    return top


def _git(folder, *words):
    settings = {
        "user.name": "a",
        "user.email": "a@b.c",
        "protocol.file.allow": "always",
        "commit.gpgsign": "false",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    done = subprocess.run(
        ["git", *options, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "name",
    ["plain", "worktree with space", "detached", "packed", "mother/inner/sub"],
)
def test_the_commit_is_that_of_git_in_any_kind_of_clone(clones, monkeypatch, name):
    monkeypatch.setattr(origins, "clone", lambda: clones / name)
    assert describe_tool()["commit"] == _git(clones / name, "rev-parse", "HEAD")


@pytest.mark.parametrize("content", ["gitdir: ../nowhere", "", "gitdir:", "\0"])
def test_a_git_file_that_leads_nowhere_is_no_commit(tmp_path, monkeypatch, content):
    (tmp_path / ".git").write_text(content)
    monkeypatch.setattr(origins, "clone", lambda: tmp_path)
    assert describe_tool()["commit"] == ""


def test_days_are_words():
    assert write_day("2026-11-30") == "30 November 2026"
    assert write_day("2027-01-02") == "2 January 2027"
