import pytest

from rollcall.stats.members import draw_members


@pytest.fixture(scope="package")
def members(tiny):
    """Who is in which of 8 targets, of the tiny cohort: bool (8, patients)."""
    return draw_members(8, len(tiny.patients), 0)
