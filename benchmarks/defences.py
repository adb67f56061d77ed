"""The defences of diabetes130 side by side, as docs/results.md has them.

`python -m benchmarks.defences OUT [TARGETS [ROOT [DATA]]]` trains, attacks and prints a line for
each setting as it is done, then writes OUT/defences.html, and the figures where the runs are. It
can be stopped at any time: what is there is not made again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rollcall.experiments import defence

PRIVATE = "batch:1024 epochs:5 learning_rate:0.003"  # what DP is trained with beside its own words


def private(unit: str, epsilon: str) -> str:
    """Return the setting of DP of a unit."""
    return f"privacy.unit:{unit} privacy.epsilon:{epsilon} {PRIVATE}"


SETTINGS = [  # the more telling first
    "epochs:5",
    private("patient", "3"),
    private("record", "3"),
    "outputs:0.01",
    "outputs:0.1",
    "outputs:label",
    private("patient", "10"),
    private("record", "10"),
    private("patient", "1"),
    private("record", "1"),
    "settings.width:16",
    "weight_decay:1",
    "share:0.5",
    private("patient", "100"),
    private("record", "100"),
    private("patient", "inf"),
    private("record", "inf"),
]
SHOWN = ["setting", "auroc", "exposed", "above", "above_low", "above_high", "worst_tpr"]
SHOWN += ["ceiling_record", "ceiling_patient"]


def main(out: str, targets: int = 16, root: str = "", data: str = "") -> None:
    """Make the comparison, and what is written of it."""
    cohort = "diabetes130"
    plan = {"cohort": cohort, "targets": targets, "root": root, "out": out, "data": data}
    for setting in SETTINGS:
        row = defence.compare_defences(settings=[setting], **plan).settings.iloc[-1]
        print(" | ".join(f"{row[name]:.4g}" if name != "setting" else row[name] for name in SHOWN))
        sys.stdout.flush()
    comparison = defence.compare_defences(settings=SETTINGS, **plan)
    parts = [comparison.table(), comparison.table_groups()]
    for name in defence.FIGURES:
        comparison.show(name)
    parts.append(comparison.remove_exposed().table())
    Path(out, "defences.html").write_text("".join(part.data for part in parts))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 16, *sys.argv[3:])
