"""Copies of notebooks to work on, and what may be saved into those that git tracks."""

import json
import re
import stat
from types import SimpleNamespace

import pytest

from rollcall.report.notebooks import copies, lab, saving
from rollcall.util import files


def write(path, *sources, outputs=()):
    """Write a notebook of code cells."""
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": ["parameters"], "collapsed": True},
            "execution_count": 3 if outputs else None,
            "outputs": list(outputs),
            "source": source.splitlines(True),
        }
        for number, source in enumerate(sources)
    ]
    book = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4}
    path.write_text(json.dumps(book | {"nbformat_minor": 5}))


OUTPUT = {"output_type": "stream", "name": "stdout", "text": ["patient 7"]}


@pytest.fixture
def source(tmp_path, monkeypatch):
    """The folder of the notebooks, with one in it."""
    folder = tmp_path / "package"
    folder.mkdir()
    write(folder / "1_a.ipynb", "a = 1", "[b](../docs/b.md)")
    monkeypatch.setattr(files, "notebooks", lambda: folder)
    for module in (copies, saving):
        monkeypatch.setattr(module, "notebooks", lambda: folder)
    monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path / "home"))
    return folder


def read(folder, name="1_a.ipynb"):
    return ["".join(cell["source"]) for cell in json.loads((folder / name).read_text())["cells"]]


def test_copies_are_private_and_hidden_from_git(source, tmp_path):
    folder, sentences = copies.renew_copies()
    assert folder == tmp_path / "home" / "results" / "notebooks"
    assert not sentences
    assert read(folder) == ["a = 1", "[b](../../docs/b.md)"]  # a folder deeper
    assert (folder / ".gitignore").read_text() == "*\n"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "1_a.ipynb").stat().st_mode) == 0o600


def test_a_copy_that_was_only_run_is_renewed(source):
    folder, _ = copies.renew_copies()
    write(folder / "1_a.ipynb", "a = 1", "[b](../../docs/b.md)", outputs=[OUTPUT])
    assert copies.renew_copies()[1] == []
    assert "patient 7" in (folder / "1_a.ipynb").read_text()  # nothing new: what was run stays
    write(source / "1_a.ipynb", "a = 2")
    assert copies.renew_copies()[1] == []
    assert read(folder) == ["a = 2"]


def test_a_copy_that_was_changed_stays_and_the_new_one_comes_beside(source):
    folder, _ = copies.renew_copies()
    write(folder / "1_a.ipynb", "a = 'mine'")
    assert copies.renew_copies()[1] == []  # nothing new to say
    for number in (2, 3):
        write(source / "1_a.ipynb", f"a = {number}")
        (sentence,) = copies.renew_copies()[1]
        assert sentence == (
            "1_a.ipynb: you have changed this copy, it stays; the new version is 1_a.new.ipynb"
        )
        assert read(folder) == ["a = 'mine'"]
        assert read(folder, "1_a.new.ipynb") == [f"a = {number}"]
    write(folder / "1_a.new.ipynb", "a = 'mine too'")
    write(source / "1_a.ipynb", "a = 4")
    assert len(copies.renew_copies()[1]) == 1
    assert read(folder, "1_a.new.ipynb") == ["a = 'mine too'"]
    (folder / "1_a.ipynb").unlink()
    assert copies.renew_copies()[1] == []
    assert read(folder) == ["a = 4"]
    assert read(folder, "1_a.new.ipynb") == ["a = 'mine too'"]


def test_a_new_version_goes_when_the_copy_is_current_again(source):
    folder, _ = copies.renew_copies()
    write(folder / "1_a.ipynb", "a = 'mine'")
    write(source / "1_a.ipynb", "a = 2")
    copies.renew_copies()
    write(folder / "1_a.ipynb", "a = 2")
    assert copies.renew_copies()[1] == []
    assert not (folder / "1_a.new.ipynb").exists()


@pytest.mark.parametrize("content", ["no notebook", "{}", '{"cells": [3]}', ""])
def test_what_is_no_notebook_any_more_stays(source, content):
    folder, _ = copies.renew_copies()
    (folder / "1_a.ipynb").write_text(content)
    write(source / "1_a.ipynb", "a = 2")
    assert len(copies.renew_copies()[1]) == 1
    assert (folder / "1_a.ipynb").read_text() == content


def test_a_lost_or_damaged_note_takes_every_copy_for_changed(source):
    folder, _ = copies.renew_copies()
    for content in ("[]", "{", "null"):
        (folder / copies.NOTED).write_text(content)
        write(source / "1_a.ipynb", f"a = {content!r}")
        assert len(copies.renew_copies()[1]) == 1
        assert read(folder) == ["a = 1", "[b](../../docs/b.md)"]


def test_lessons_are_copied_as_they_lie_but_for_what_jupyterlab_keeps(source):
    for name in ("lessons", "lessons/learner", ".ipynb_checkpoints"):
        (source / name).mkdir()
        write(source / name / "0_b.ipynb", f"b = '{name}'")
    folder, _ = copies.renew_copies()
    names = {path.relative_to(folder).as_posix() for path in folder.glob("**/*.ipynb")}
    assert names == {"1_a.ipynb", "lessons/0_b.ipynb", "lessons/learner/0_b.ipynb"}
    assert stat.S_IMODE((folder / "lessons" / "learner").stat().st_mode) == 0o700
    write(folder / "lessons" / "0_b.ipynb", "b = 'mine'")  # of two with one name, one is changed
    for name in ("lessons", "lessons/learner"):
        write(source / name / "0_b.ipynb", "b = 2")
    (sentence,) = copies.renew_copies()[1]
    assert sentence.startswith("lessons/0_b.ipynb: you have changed this copy")
    assert sentence.endswith("lessons/0_b.new.ipynb")
    assert read(folder, "lessons/0_b.ipynb") == ["b = 'mine'"]
    assert read(folder, "lessons/0_b.new.ipynb") == ["b = 2"]
    assert read(folder, "lessons/learner/0_b.ipynb") == ["b = 2"]
    assert not (folder / "lessons" / "learner" / "0_b.new.ipynb").exists()


def test_every_link_of_every_copy_leads_somewhere(tmp_path, monkeypatch):
    home, top = tmp_path / "home", files.clone()
    monkeypatch.setenv("ROLLCALL_HOME", str(home))
    folder, _ = copies.renew_copies()
    seen = 0
    for path in folder.glob("**/*.ipynb"):
        for link in re.findall(r"\]\(([^)#]+?\.(?:ipynb|md|html))", path.read_text()):
            target = (path.parent / link).resolve()
            if not target.is_relative_to(folder.resolve()):
                target = top / target.relative_to(home.resolve())  # README and docs/ stay there
            assert target.is_file(), f"{path.name}: {link}"
            seen += 1
    assert seen > 50
    assert len(list(folder.glob("**/*.ipynb"))) == len(list(files.notebooks().glob("**/*.ipynb")))


# --- what is saved


def save(root, path):
    """What is left of a notebook with outputs that JupyterLab saves as `path` below `root`."""
    write(root / "x.ipynb", "a = 1", outputs=[OUTPUT])
    content = json.loads((root / "x.ipynb").read_text())
    content["metadata"] = {"language_info": {"version": "3.11.7"}}
    model = {"type": "notebook", "content": content}
    manager = SimpleNamespace(root_dir=str(root))
    saving.strip_tracked(path=path, model=model, contents_manager=manager)
    return content


@pytest.mark.parametrize("path", ["package/1_a.ipynb", "/package/1_a.ipynb"])
def test_what_git_tracks_is_saved_without_outputs(source, tmp_path, path):
    content = save(tmp_path, path)
    assert content["cells"][0]["outputs"] == []
    assert content["cells"][0]["execution_count"] is None
    assert content["cells"][0]["metadata"] == {"tags": ["parameters"]}
    assert content["metadata"] == {"kernelspec": {"name": "python3"}}  # as it is on disk


def test_a_new_one_there_too(source, tmp_path):
    assert save(tmp_path, "package/new.ipynb")["cells"][0]["outputs"] == []


def test_a_lesson_too_and_its_folded_code_stays_folded(source, tmp_path):
    (source / "lessons").mkdir()
    write(source / "lessons" / "0_b.ipynb", "b = 1")
    book = json.loads((source / "lessons" / "0_b.ipynb").read_text())
    folded = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
    book["cells"][0]["metadata"] = folded
    (source / "lessons" / "0_b.ipynb").write_text(json.dumps(book))
    content = save(tmp_path, "package/lessons/0_b.ipynb")  # where its code is unfolded
    assert content["cells"][0]["outputs"] == []
    assert content["cells"][0]["metadata"] == folded | {"tags": ["parameters"]}


@pytest.mark.parametrize("path", ["home/results/notebooks/1_a.ipynb", "elsewhere/1_a.ipynb"])
def test_a_copy_keeps_its_outputs(source, tmp_path, path):
    assert save(tmp_path, path)["cells"][0]["outputs"] == [OUTPUT]


def test_what_is_no_notebook_is_saved_as_it_is(source, tmp_path):
    model = {"type": "file", "content": "text"}
    manager = SimpleNamespace(root_dir=str(tmp_path))
    saving.strip_tracked(path="package/a.txt", model=model, contents_manager=manager)
    assert model["content"] == "text"


# --- how JupyterLab is started


def test_options_and_environment(source, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/a")
    folder, home = tmp_path / "home" / "results" / "notebooks", tmp_path / "home"
    options = lab.list_options(folder, tmp_path / "t", 8888, browser=False)
    assert f"--ServerApp.root_dir={home}" in options
    assert "--LabApp.default_url=/lab/tree/results/notebooks/start.ipynb" in options
    assert not any("token" in option for option in options)  # everybody sees a process's options
    environment = lab.make_environment(tmp_path / "t", "secret")
    assert environment["JUPYTER_TOKEN"] == "secret"
    assert environment["ROLLCALL_HOME"] == str(home)
    config, other = environment["JUPYTER_CONFIG_PATH"].split(":")
    assert other == "/a"
    settings = json.loads(
        (tmp_path / "t" / "config" / "labconfig" / "default_setting_overrides.json").read_text()
    )
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    assert config == str(tmp_path / "t" / "config")


def test_where_a_path_is_too_long_for_sockets_ports_are_used(source, tmp_path):
    folder = tmp_path / "home" / "results" / "notebooks"
    short, long = ("/tmp/rollcall-12345678", "/tmp/" + 60 * "a")
    for temporary, sockets in ((short, True), (long, False)):
        options = lab.list_options(folder, files.Path(temporary), 8888, browser=True)
        assert ("--KernelManager.transport=ipc" in options) == sockets
        assert ("--KernelManager.transport_encryption=required" in options) != sockets
