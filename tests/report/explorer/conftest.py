"""A finished run, opened; and a second one beside it that is its copy, with other risks."""

import shutil

import pytest

from rollcall.report.explorer.opening import list_runs, open_listed


@pytest.fixture(scope="package")
def opened(finished):
    return open_listed(list_runs(str(finished.out)), "simulated/mlp", str(finished.data))


@pytest.fixture(scope="package")
def two_runs(finished, tmp_path_factory):
    """A folder of results with the finished run twice: of the same patients, and the same."""
    out = tmp_path_factory.mktemp("two") / "results"
    for name in ("mlp", "second"):
        shutil.copytree(finished.run, out / "simulated" / name)
    return out
