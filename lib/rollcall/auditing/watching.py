"""Watch audits from a notebook: which there are, how far one is, what can be said of it already.

Everything is only read. Other processes train meanwhile, and nothing waits for anything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rollcall.runs.listing import list_states
from rollcall.util.settings import typed

if TYPE_CHECKING:
    from IPython.display import HTML


@typed
def show_runs(*, out: str = "") -> HTML:
    """Return a table of the runs in `out` (results/), how far they are, links to their reports."""
    from rollcall.report.live.showing import show_runs as show

    return show(list_states(out), time.time())
