"""What is imported stays light: heavy libraries load where they are used."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "scipy.stats", "statsmodels", "matplotlib", "papermill"}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("rollcall.auditing", set()),
        ("rollcall.auditing.watching", set()),
        ("rollcall.report.live.showing", set()),
        ("rollcall.report.notebooks.lab", set()),
        ("rollcall.attacks", set()),
        ("rollcall.risk", set()),
        ("rollcall.paper.panel", set()),
        ("rollcall.paper.reproduce", set()),
        ("rollcall.report.catalogue", {"matplotlib"}),
        ("rollcall.report.gallery", {"matplotlib"}),
        ("rollcall.report.figures.attacks", {"matplotlib"}),
        ("rollcall.report.figures.risk", {"matplotlib"}),
        ("rollcall.report.figures.groups", {"matplotlib"}),
        ("rollcall.training.backends.worker", {"torch"}),
    ],
)
def test_an_import_loads_no_more_than_it_must(module, allowed):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) <= allowed
