"""Which file of thresholds a run is judged by: its text and sha256, in run.json."""

from __future__ import annotations

from rollcall.runs.config import read_config, write_config
from rollcall.runs.environment import now
from rollcall.runs.run import Run

KEY, JUDGED = "appetite", "judged_by"  # in run.json: the file now; the sha256 of each there was


def note_appetite(run: Run, text: str = "", sha256: str = "") -> Run:
    """Note the file of thresholds that an audit of the run is judged by; "": there is none.

    What was made by another file does not fit the run from then on. The sha256 of every file that
    the run was judged by stays, so that who tries several is seen.
    """
    with run.hold("run"):
        config = read_config(run.path)
        stated = {"sha256": sha256, "text": text, "noted": now()} if sha256 else None
        if (config.get(KEY) or {}).get("sha256", "") != sha256:
            judged = config.get(JUDGED, [])
            more = [sha256] if sha256 and sha256 not in judged else []
            config |= {KEY: stated, JUDGED: [*judged, *more]}
            write_config(run.path, config)
    return Run(run.path, run.config | {key: config.get(key) for key in (KEY, JUDGED)})


def digest_appetite(run: Run) -> str:
    """Return the sha256 of the file of thresholds that the run is judged by; "" if none is."""
    return (run.config.get(KEY) or {}).get("sha256", "")


def count_earlier(run: Run) -> int:
    """Count the other files of thresholds that the run was judged by."""
    return len(set(run.config.get(JUDGED) or ()) - {digest_appetite(run)})
