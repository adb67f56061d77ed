"""What is gathered of a run is true of its design; numbers hide what the words hide."""

from types import SimpleNamespace

import pytest

from rollcall.report.page.answers import is_paired
from rollcall.report.page.gathering import list_numbers
from tests.report.words.test_sentences import NOBODY, find


def test_models_that_come_one_by_one_are_no_pairs():
    assert is_paired(SimpleNamespace(config={}))
    assert not is_paired(SimpleNamespace(config={"design": {"kind": "independent"}}))


def test_numbers_for_programs():
    numbers = list_numbers(find())
    assert numbers["exposed"] == 89
    assert (numbers["exposed_low"], numbers["exposed_high"]) == (77, 102)
    assert (numbers["by_chance"], numbers["at_most_by_chance"]) == (3, 14)
    assert numbers["auroc_not_seen"] is None  # not a number
    assert list_numbers(find({"exposed_low": 4.0}))["exposed_low"] is None
    assert list_numbers(find(NOBODY))["exposed"] == 0
    assert list_numbers(find(NOBODY))["exposed_high"] is None
    assert list_numbers(find(control="failed"))["exposed"] is None


@pytest.mark.parametrize("exposed", range(1, 10))
def test_a_few_are_the_same_numbers(exposed):
    risk = {"exposed": exposed, "exposed_low": exposed / 2, "by_chance": exposed / 3}
    assert list_numbers(find(risk)) == list_numbers(find({"exposed": 1}))
    left = {"exposed": 2000 - exposed, "by_chance": exposed / 3}
    assert list_numbers(find(left)) == list_numbers(find({"exposed": 1999}))
