"""Attacks and risk are set beside one pass of addition."""

import pytest

import benchmarks
from benchmarks import attacks, risk


@pytest.mark.slow
@pytest.mark.parametrize(("module", "options"), [(attacks, {}), (risk, {"draws": 1000})])
def test_attacks_and_risk_are_set_beside_one_addition(module, options):
    table = module.table(32, 400, 120, repeats=1, **options)
    assert table["multiple"].iloc[0] == 1
    assert (table[["seconds", "multiple"]] > 0).all(axis=None)
    assert (table["memory"] >= 1).all()
    assert table["step"].is_unique
    assert "scores.sum(0)" in benchmarks.format_table(table)
