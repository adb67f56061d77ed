import pytest

from rollcall.report.gallery.runs import TABLES
from tests.report.gallery.made_runs import make_run


@pytest.fixture(scope="session")
def out(tmp_path_factory):
    """A folder of three runs.

    ptb_xl, whole; chexpert, a rehearsal without the paper's errors and panel; one unfinished.
    """
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, "ptb_xl")
    make_run(
        folder,
        "chexpert",
        "small one",
        seed=1,
        simulated=True,
        groups={"race": ["White", "Asian", "Black"], "sex": ["Male", "Female"]},
        tables=[name for name in TABLES if name not in ("paper_errors", "shown_panel")],
    )
    make_run(folder, "simulated", "half", finished=None, tables=["attacks"])
    return folder
