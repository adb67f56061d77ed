"""Which further cells are hidden, so that a target is 0 or large in some world."""

import numpy as np
import pandas as pd

from rollcall.report.gate import worlds
from rollcall.report.gate.design import make_design
from rollcall.report.gate.marks import mark_cells
from rollcall.report.gate.worlds import list_profiles, protect_together
from tests.report.gate.cohorts import categories


def make_taxonomies():
    fine = np.repeat([0, 1, 2, 3, 4], [4, 40, 60, 8, 90])
    frame = pd.DataFrame({"fine": categories(fine), "coarse": categories(fine // 2)})
    design = make_design(frame, {}, 10)
    place = {attribute.name: member for member, attribute in enumerate(design.attributes)}
    return design, place["fine"], place["coarse"]


def test_the_smallest_cell_that_a_target_rests_on_is_hidden():
    design, fine, coarse = make_taxonomies()
    shown = mark_cells(design)
    assert shown[fine][:, 0].tolist() == [False, False, True, True, True]  # 4 + 8
    protect_together(design, [fine], [(fine, (0,), 0)], shown)
    assert shown[fine][:, 0].sum() == 3  # alone they are safe
    protect_together(design, [fine, coarse], [(fine, (0,), 0)], shown)
    assert shown[fine][:, 0].tolist() == [False, False, False, True, True]  # 44 - 40 was 4
    assert shown[coarse].all()


def test_a_large_cohort_lets_fewer_combinations_vary_and_hides_no_less(monkeypatch):
    rng = np.random.default_rng(0)
    fine = rng.choice(6, 2000, p=[0.002, 0.003, 0.095, 0.2, 0.3, 0.4])
    names = {"fine": fine, "coarse": fine // 2, "age": rng.integers(0, 6, 2000)}
    frame = pd.DataFrame({name: categories(codes) for name, codes in names.items()})
    design = make_design(frame, {"top": rng.random(2000) < 0.1}, 10)
    targets = [(member, (0,), band) for member in range(3) for band in range(2)]
    targets = [
        (member, rows, band)
        for member, rows, band in targets
        if 0 < (design.bands[band][design.atom] & (design.attributes[member].code == 0)).sum() < 10
    ]
    assert targets
    exact, fewer = mark_cells(design), mark_cells(design)
    protect_together(design, range(3), targets, exact)
    monkeypatch.setattr(worlds, "MOST_VARIABLES", 40)
    protect_together(design, range(3), targets, fewer)
    assert all((few <= all_).all() for few, all_ in zip(fewer, exact, strict=True))


def test_combinations_are_those_that_occur():
    design, fine, coarse = make_taxonomies()
    profiles, profile = list_profiles(design, [fine, coarse])
    assert len(profiles) == 5
    assert (profiles[profile, 0] == design.attributes[fine].code).all()
    assert (profiles[profile, 1] == design.attributes[coarse].code).all()
