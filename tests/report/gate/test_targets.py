"""What must stay unknown, listed naively."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from rollcall.report.gate.design import make_design
from rollcall.report.gate.marks import mark_cells
from rollcall.report.gate.targets import MOST_LISTED, list_targets
from tests.report.gate.cohorts import categories, make_cohort


@pytest.mark.parametrize("seed", range(8))
def test_every_union_of_few_rows_is_a_target(seed):
    attributes, flags, smallest, _ = make_cohort(seed)
    design = make_design(attributes, flags, smallest)
    shown = mark_cells(design)
    for member, attribute in enumerate(design.attributes):
        rows = range(len(attribute.names))
        if len(rows) > MOST_LISTED:
            continue
        expected = {
            (union, number)
            for size in range(1, len(rows))
            for union in combinations(rows, size)
            for number, band in enumerate(design.bands)
            if 0 < (np.isin(attribute.code, union) & band[design.atom]).sum() < smallest
        }
        listed = list_targets(design, member, shown)
        assert len(listed) == len(set(listed))
        assert set(listed) == expected


def test_of_many_rows_each_small_one_is_and_those_inside_a_group_of_another_attribute():
    fine = np.repeat(np.arange(12), [1, 2, 3, 4, *[30] * 8])
    frame = pd.DataFrame({"fine": categories(fine), "coarse": categories((fine >= 2) * 1)})
    design = make_design(frame, {}, 10)
    member = [attribute.name for attribute in design.attributes].index("fine")
    unions = {union for union, _ in list_targets(design, member, mark_cells(design))}
    assert {(0,), (1,), (2,), (3,), (0, 1), (0, 1, 2), (0, 1, 2, 3)} - unions == {(0, 1, 2, 3)}
