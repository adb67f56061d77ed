"""The defences of diabetes130 side by side, as docs/results.md has them.

`python -m benchmarks.defences OUT [TARGETS [ROOT [DATA]]]` trains, attacks and prints a line for
each setting as it is done, then writes OUT/defences.md, and the figures where the runs are. It can
be stopped at any time: what is there is not made again. `python -m benchmarks.defences OUT/done
...` with the same OUT writes of what is done so far.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from rollcall.experiments import defence
from rollcall.experiments.defence.settings import parse_setting
from rollcall.report.tables.defence import defence_groups_table, defence_table, layer_table

COHORT = "diabetes130"
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
DONE = "done"  # the end of OUT: nothing is trained


def list_done(out: Path, targets: int) -> list[str]:
    """List the settings whose runs have all their targets, and an attack."""
    done = []
    for setting in SETTINGS:
        run = out / COHORT / parse_setting(setting).run
        if (run / "survival.parquet").exists() and len(list(run.glob("targets/*.json"))) >= targets:
            done.append(setting)
    return done


def write_table(table: pd.DataFrame) -> str:
    """Write a table as Markdown."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).values.tolist()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(out: Path, targets: int = 16, root: str = "", data: str = "") -> None:
    """Make the comparison, and what is written of it."""
    is_done = out.name == DONE
    out = out.parent if is_done else out
    settings = list_done(out, targets) if is_done else SETTINGS
    plan = {"cohort": COHORT, "targets": targets, "root": root, "out": str(out), "data": data}
    for setting in () if is_done else settings:
        row = defence.compare_defences(settings=[setting], **plan).settings.iloc[-1]
        print(" | ".join(f"{row[name]:.4g}" if name != "setting" else row[name] for name in SHOWN))
        sys.stdout.flush()
    comparison = defence.compare_defences(settings=settings, **plan)
    tables = [defence_table(comparison.settings).rows, defence_groups_table(comparison.groups).rows]
    for name in defence.FIGURES:
        comparison.show(name)
    file = out / "defences.md"
    file.write_text("\n".join(map(write_table, tables)), encoding="utf-8")
    if not is_done:
        layer = layer_table(comparison.remove_exposed().arms).rows
        file.write_text("\n".join(map(write_table, [*tables, layer])), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 16, *sys.argv[3:])
