"""What people state: read whole or refused in one line; a blank where they are silent."""

import os
from pathlib import Path

import pytest

from rollcall.report.words.statement import BLANK, KEYS, Statement, read_statement
from rollcall.util.errors import InputError

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "statement.toml"


def test_the_example_states_everything():
    statement = read_statement(EXAMPLE)
    assert list(statement.texts) == list(KEYS)
    assert len(statement.sha256) == 64
    assert all(statement.states(key) for key in KEYS)
    assert statement.say("auditor").startswith("Ada Muster")


def test_silence_is_a_blank():
    statement = read_statement("")
    assert statement == Statement()
    assert statement.say("purpose") == f"not stated; {BLANK}"
    assert statement.say("purpose", "of the other file") == "of the other file"
    assert not statement.states("purpose")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('auditr = "a"', "unknown key 'auditr' in .*auditor"),
        ("auditor = 3", 'auditor is 3; expected who made this audit: .*, as "text"'),
        ('auditor = " "', "auditor is ' '; expected"),
        ('period = ""', "period is ''; expected"),
        ("[auditor]\nname = 1", "auditor is {'name': 1}"),
        (f'purpose = "{"a" * 1001}"', "purpose has 1,001 characters; expected at most 1,000"),
        ("auditor = ", "no TOML"),
        ("\x00", "no TOML"),
        ("# " + "a" * 70_000, "over 65,536 bytes"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path, text, message):
    path = tmp_path / "statement.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_statement(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_statement(tmp_path / "a.toml")
    with pytest.raises(InputError, match="not a file"):
        read_statement(tmp_path)
    (tmp_path / "latin.toml").write_bytes('auditor = "é"'.encode("latin-1"))
    with pytest.raises(InputError, match="save it as UTF-8"):
        read_statement(tmp_path / "latin.toml")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + b'auditor = "A  \\n B"')
    assert read_statement(tmp_path / "bom.toml").say("auditor") == "A B"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a file"):
        read_statement(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("period = 2024-01-31", "2024-01-31"),
        ("period = 2024-01-31T08:00:00Z", "2024-01-31T08:00:00+00:00"),
        ('period = "31/12/2024 - 1.2.25"', "31/12/2024 - 1.2.25"),
        ('period = "2024\\u202e5202"', "2024\\u202e5202"),
        ('period = "a\\u0007b"', "a\\u0007b"),
    ],
)
def test_dates_are_taken_and_what_nobody_sees_is_written_out(tmp_path, text, expected):
    path = tmp_path / "statement.toml"
    path.write_text(text)
    assert read_statement(path).say("period") == expected


def test_a_text_of_unseen_characters_says_nothing(tmp_path):
    path = tmp_path / "statement.toml"
    path.write_text('auditor = "\\u200b \\u202e"')
    with pytest.raises(InputError, match=r"auditor is .*; expected who made this audit"):
        read_statement(path)
