"""What is known about every dataset, and the options that follow from `read`."""

import dataclasses
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from rollcall import datasets, rehearse
from rollcall.util.errors import InputError

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "datasets.md"
LIBRARY = REPOSITORY / "lib" / "rollcall"


def module(name):
    return import_module(f"rollcall.datasets.{name}")


def test_every_module_is_a_dataset_and_the_other_way_round():
    files = {path.stem for path in (LIBRARY / "datasets").glob("*.py")} - {"__init__"}
    assert files == set(datasets.NAMES)
    assert len(datasets.NAMES) == len(set(datasets.NAMES))


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_dataset_says_what_it_is(name):
    about = datasets.about(name)
    assert about.name == name
    texts = (about.title, about.licence, about.access, about.records)
    assert all(text and "\n" not in text for text in texts)
    assert module(name).VERSION >= 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        about.licence = "none"


def test_they_are_listed_in_the_order_of_their_names():
    assert tuple(about.name for about in datasets.list_datasets()) == datasets.NAMES


def test_what_can_be_rehearsed_is_what_rehearse_can_write():
    shared = {"__init__", "drawing", "chest"}
    files = {path.stem for path in (LIBRARY / "rehearse").glob("*.py")} - shared
    assert files == set(datasets.REHEARSABLE)
    assert all(callable(rehearse.write) for _ in datasets.REHEARSABLE)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_only_those_that_need_no_release_do_without_a_root(name, tmp_path, monkeypatch):
    if name == "diabetes130":
        monkeypatch.setattr(module(name), "_fetch", lambda path: None)
    if datasets.about(name).root_optional:
        module(name).locate(None, tmp_path)
    else:
        with pytest.raises(InputError, match=f"{name} is not fetched.*ROOT="):
            module(name).locate(None, tmp_path)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_the_page_on_datasets_agrees(name):
    text = PAGE.read_text()
    row = re.search(rf"^\| \[{name}\]\(#{name}\) \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    assert row is not None
    assert row[1] == datasets.about(name).access
    section = re.split(r"^### ", text, flags=re.MULTILINE)
    words = next(" ".join(part.split()) for part in section if part.startswith(f"{name}\n"))
    if name != "simulated":  # Rollcall's own licence
        for licence in re.split(r"; demo: | \(table\)", datasets.about(name).licence):
            assert licence in words


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("simulated", {"patients": 2000, "leak": True, "seed": 0, "changing": False}),
        ("chexpert", {"size": 64, "rules": "default"}),
        ("mimic_cxr", {"size": 64, "rules": "default", "labels": "negbio"}),
        ("embed", {"size": 64, "rules": "default", "pictures": "auto"}),
        ("fairvision", {"size": 64, "rules": "default"}),
        ("fitzpatrick17k", {"size": 64, "rules": "default"}),
        ("ptb_xl", {"rate": 100, "rules": "default"}),
        ("mimic_iv_ed", {"rules": "default"}),
        ("diabetes130", {}),
        ("ham10000", {"size": 64}),
        ("nih_cxr14", {"size": 64}),
    ],
)
def test_options_are_those_of_read(name, options):
    if name not in ("mimic_iv_ed", "diabetes130"):  # tables
        options = options | {"duplicates": "keep"}
    assert datasets.options(name) == options
    assert list(inspect.signature(module(name).read).parameters)[:2] == ["files", "root"]


def test_an_unknown_name_or_option_is_named(tmp_path):
    for ask in (datasets.about, datasets.options, datasets.load):
        with pytest.raises(InputError, match="unknown cohort 'chexprt'; did you mean 'chexpert'"):
            ask("chexprt")
    with pytest.raises(InputError, match="unknown option 'patient' of cohort 'simulated'"):
        datasets.load("simulated", data=tmp_path, patient=60)
    assert not any(tmp_path.iterdir())
    with pytest.raises(AttributeError, match="REHEARSED"):
        _ = datasets.REHEARSED
