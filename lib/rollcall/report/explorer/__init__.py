"""Look at a finished run: a threshold, groups, one patient, the number of models, two runs.

    view = explorer.start(run="simulated/mlp")
    view.threshold()

Only what is stored is read: nothing is trained, and no run is made. `view.View` is the state;
pure functions make pictures of it, in `stills` for print, and as data for the browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollcall.report.explorer.opening import list_runs
from rollcall.report.explorer.view import View
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from rollcall.report.explorer.stills import Stills
    from rollcall.report.explorer.widgets import Explorer

__all__ = ["View", "start"]


@typed
def start(
    *,
    run: str = "",
    out: str = "",
    data: str = "",
    threshold: float = 0.0,
    models: int = 0,
    rank: int = 1,
    other: str = "",
    top: int = 0,
    stills: bool = False,
) -> Explorer | Stills:
    """Open a finished run of <out>/<dataset>/<run>, the first one if `run` is empty.

    out defaults to results/, data, the folder of prepared cohorts, to data/. threshold, models,
    rank, other, top: as View. stills: pictures for print in place of moving ones. InputError for a
    run that is not there; where there is none at all, what is shown says so.
    """
    listed = list_runs(out)
    chosen = run or next(iter(listed.names), "")
    view = View(chosen, threshold, models, rank, other, top)
    if stills:
        from rollcall.report.explorer.stills import Stills

        return Stills(listed, view, out, data)
    from rollcall.report.explorer.widgets import Explorer

    return Explorer(listed, view, out, data)
