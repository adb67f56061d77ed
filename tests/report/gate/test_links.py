"""What is proved without a programme, a programme agrees with."""

import numpy as np
import pandas as pd
import pytest

from rollcall.report.gate.design import make_design
from rollcall.report.gate.links import count_jointly, find_links
from rollcall.report.gate.marks import mark_cells
from rollcall.report.gate.targets import list_targets
from rollcall.report.gate.worlds import protect_together
from tests.report.gate.cohorts import categories, make_cohort


@pytest.mark.parametrize("seed", range(25))
def test_no_programme_hides_more_where_there_is_no_link(seed):
    attributes, flags, smallest, crossed = make_cohort(seed)
    design = make_design(attributes, flags, smallest, crossed)
    shown = mark_cells(design)
    members = range(len(design.attributes))
    targets = {member: list_targets(design, member, shown) for member in members}
    linked = find_links(design, targets, shown, {})
    for member in members:
        for other in members:
            proved = [
                (member, *target)
                for target in targets[member]
                if other not in linked.get((member, *target), ())
            ]
            after = [cells.copy() for cells in shown]
            protect_together(design, sorted({member, other}), proved, after)
            assert all((a == b).all() for a, b in zip(after, shown, strict=True))


def test_a_coarse_taxonomy_is_linked_to_the_fine_one_alone():
    fine = np.repeat([0, 1, 2, 3, 4], [4, 40, 60, 8, 90])
    sex = np.random.default_rng(0).integers(0, 2, len(fine))
    names = {"fine": fine, "coarse": fine // 2, "sex": sex}
    frame = pd.DataFrame({name: categories(codes) for name, codes in names.items()})
    design = make_design(frame, {}, 10)
    place = {attribute.name: member for member, attribute in enumerate(design.attributes)}
    shown = mark_cells(design)
    targets = {place["fine"]: list_targets(design, place["fine"], shown)}
    linked = find_links(design, targets, shown, {})
    assert {other for beside in linked.values() for other in beside} == {place["coarse"]}


def test_patients_are_counted_by_pair_of_groups():
    attributes, flags, smallest, _ = make_cohort(3)
    design = make_design(attributes, flags, smallest)
    start = np.cumsum([0, *(len(attribute.names) for attribute in design.attributes)])
    for member, counts in count_jointly(design, range(len(design.attributes))):
        for other, attribute in enumerate(design.attributes):
            expected = np.zeros((len(counts), len(design.inside), len(attribute.names)))
            patient = design.attributes[member].code, design.atom, attribute.code
            np.add.at(expected, patient, 1)
            assert (counts[:, :, start[other] : start[other + 1]] == expected).all()
