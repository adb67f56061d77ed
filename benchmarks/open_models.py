"""One to four references against a full audit, and the two designs: the numbers of docs/results.

python -m benchmarks.open_models COHORT FOLDER [--targets 32] [--hospital payer:Medicare:Private]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from rollcall import auditing
from rollcall.experiments.open_models.study import attack_rehearsed


def main() -> None:
    """Write ranking.csv, designs.csv, controls.csv and checks.csv for each seed to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cohort")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--targets", type=int, default=32)
    parser.add_argument("--hospital", default="")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--model", default="")
    parser.add_argument("--root", default="")
    parser.add_argument("--data", default="")
    parser.add_argument("--option", action="append", default=[])
    words = parser.parse_args()
    recipe, choices = auditing.check_plan(
        cohort=words.cohort, model=words.model, root=words.root, options=words.option
    )
    cohort = auditing.load_cohort(words.cohort, words.root, words.data, **(recipe.cohort | choices))
    words.folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list] = {"ranking": [], "designs": [], "controls": [], "checks": []}
    for seed in range(words.seeds):
        study = attack_rehearsed(
            cohort, recipe, words.hospital, words.targets, words.draws, seed=seed
        )
        assert study.exposed is not None
        exposed = study.exposed
        inside = [release.patients["member"].to_numpy(bool) for release in study.checks.values()]
        tables["ranking"].append(study.ranking.assign(ceiling=study.ceiling, seed=seed))
        tables["designs"].append(study.designs.assign(seed=seed))
        tables["controls"].append(study.controls.assign(seed=seed))
        tables["checks"].append(
            pd.DataFrame(
                [
                    {
                        "seed": seed,
                        "references": count,
                        "members": release.members,
                        "auc": release.auc,
                        "auc_low": release.auc_low,
                        "auc_high": release.auc_high,
                        "named": release.named,
                        "above": release.outsiders_above,
                        "confirmed": int((release.patients["named"] & exposed).sum()),
                        "exposed": int((exposed & mine).sum()),
                        "flagged": release.control.flagged,
                    }
                    for (count, release), mine in zip(study.checks.items(), inside, strict=True)
                ]
            )
        )
        for name, parts in tables.items():
            pd.concat(parts).to_csv(words.folder / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
