"""Every family and every dataset of the paper has a case."""

from benchmarks.cases import list_cases
from rollcall.models.registry import FAMILIES


def test_every_paper_dataset_and_family_has_a_case():
    for device in ("cpu", "cuda:0"):
        cases = list_cases(device)
        assert len({case.dataset for case in cases} - {""}) == 7
        assert {case.family for case in cases if not case.dataset} == set(FAMILIES)
        for case in cases:
            assert case.recipe.model
            assert len(case.shape) in (1, 2, 3)
            assert not case.dataset or case.family == case.recipe.model
