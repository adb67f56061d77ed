"""The numbers of README and docs are those that are stored, and the check of that can fail."""

import hashlib

import pytest
import yaml

from docs import claims
from rollcall.util.files import clone

FILES = {
    "demo/report.json": '{"summary": ["12 of 2,000 are exposed"], "parts": [{"share": 0.123}]}',
    "demo/forest.csv": "group,patients,ratio\nA,1200,0.41\nB,800,6.8\n",
    "demo/families.md": "Text.\n\n| model | exposed |\n|---|---|\n| tree | 1,199 (40.0%) |\n",
}
PAGE = (
    "> 12 of 2,000\n> are exposed.\n\nB's ratio is 7, a tree's share 40%. Made in 2026.\n\n"
    "    code 5\n"
)
TOML = """
whole = ["page.md"]
[files]
{files}
[[claim]]
page = "page.md"
text = "{{a}}"
cells = {{ a = "demo/report.json#/summary/0" }}
[[claim]]
page = "page.md"
text = "B's ratio is {{a:.0f}}, a tree's share {{b:.0f}}%"
cells = {{ a = "demo/forest.csv#B/ratio", b = "demo/families.md#tree/exposed@1" }}
[[given]]
page = "page.md"
text = "in 2026"
why = "a year"
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A page, what is stored, and its claims; returns the folder."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in FILES.items()}
    lines = "\n".join(f'"{name}" = "{digest}"' for name, digest in digests.items())
    (tmp_path / "claims.toml").write_text(TOML.format(files=lines))
    (tmp_path / "page.md").write_text(PAGE)
    for name, value in {
        "TOP": tmp_path,
        "STORED": tmp_path,
        "CLAIMS": tmp_path / "claims.toml",
    }.items():
        monkeypatch.setattr(claims, name, value)
    return tmp_path


def change(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def test_every_number_is_as_stored():
    assert claims.check() == []


def test_what_is_stored_and_said_agrees(small, capsys):
    assert claims.main([]) == 0
    assert capsys.readouterr().out == "4 numbers are those of 3 stored files\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("page.md", "ratio is 7", "ratio is 8", "does not say what is stored: B's ratio is 7"),
        ("page.md", "2,000", "2,001", "does not say what is stored: 12 of 2,000"),
        ("page.md", "Made", "By 3 hands made", "no claim covers “"),
        ("demo/forest.csv", "6.8", "6.9", "has changed since"),
        ("claims.toml", "#B/ratio", "#C/ratio", "no such cell: demo/forest.csv#C/ratio"),
        ("claims.toml", "exposed@1", "exposed@7", "no such cell: demo/families.md#tree/exposed@7"),
        ("claims.toml", "#/summary/0", "#/summary/x", "no such cell"),
    ],
)
def test_what_does_not_agree_is_named(small, capsys, file, old, new, fault):
    change(small / file, old, new)
    assert claims.main([]) == 1
    assert fault in capsys.readouterr().err


def test_pinned_again_only_what_is_said_counts(small):
    change(small / "demo/forest.csv", "6.8", "6.9")
    assert claims.main(["--pin"]) == 0
    change(small / "demo/forest.csv", "6.9", "5.1")
    assert claims.main(["--pin"]) == 1


def test_a_file_that_is_gone_or_not_pinned_is_named(small):
    (small / "demo/forest.csv").unlink()
    assert any("not there" in fault for fault in claims.check())


def test_the_manifest_of_a_codecheck_names_what_is_there():
    text = (clone() / "codecheck.yml").read_text()
    manifest = yaml.safe_load(text)["manifest"]
    assert text.startswith("---\n")
    assert manifest
    for item in manifest:
        assert (clone() / item["file"]).is_file(), item["file"]
        assert item["comment"]
