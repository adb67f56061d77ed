import pytest

from rollcall.util.errors import InputError
from rollcall.util.settings import parse_settings

DEFAULTS = {"size": 64, "rate": 0.1, "rules": "default", "leak": True}


def test_a_value_has_the_type_of_its_default():
    pairs = ["size=32", "rate=1", "rules=paper", "leak=False"]
    assert parse_settings("option", pairs, DEFAULTS) == {
        "size": 32,
        "rate": 1.0,
        "rules": "paper",
        "leak": False,
    }
    assert parse_settings("option", [], DEFAULTS) == {}


def test_a_colon_serves_where_an_equals_sign_cannot_stand():
    assert parse_settings("option", ["size:32"], DEFAULTS) == {"size": 32}
    assert parse_settings("option", ["rules=a:b"], DEFAULTS) == {"rules": "a:b"}
    assert parse_settings("option", ["rules:a:b"], DEFAULTS) == {"rules": "a:b"}


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("size", "option 'size': expected KEY=VALUE"),
        ("sise=32", "unknown option 'sise'; did you mean 'size'?"),
        ("size=big", "option size=big: expected a value like 64"),
        ("rate=", r"option rate=: expected a value like 0\.1"),
        ("leak=1", "option leak=1: expected true or false"),
    ],
)
def test_what_is_wrong_is_named(pair, message):
    with pytest.raises(InputError, match=message):
        parse_settings("option", [pair], DEFAULTS)
