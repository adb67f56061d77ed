"""Tables and sentences of experiments.later: models that knew a patient, about it later."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, PATIENTS, TOTAL, explain_hidden, protect, show_few
from rollcall.report.tables.showing import Table

ALL, DIFFERENCE, TIME = "all", "difference", "time"
SPLITS = {
    TIME: "in time",
    "chance": "by chance (control)",
    DIFFERENCE: "in time less by chance",
}
WHERE = {
    "same outcome": "the outcome of all earlier records",
    "changed outcome": "an outcome that no earlier record had",
    "mixed before": "an outcome that some of the earlier records had",
}
MEASURES = ("loss", "wrong", "unknown")


def hide_few(effects: pd.DataFrame, smallest: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """Return the effects without those of fewer than `smallest` patients.

    Where a kind of outcome is hidden, so is the one with the next fewest patients: beside the
    effect of all, that of one hidden kind would follow. Kinds hidden in one split are in all.
    """
    kinds = effects[(effects["kind"] != ALL) & (effects["split"] != DIFFERENCE)]
    least = kinds[kinds["patients"] > 0].groupby("kind")["patients"].min().sort_values()
    few = list(least.index[least < smallest])
    if few:
        few = list(least.index[: len(few) + 1])
    hidden = effects["kind"].isin(few) | (effects["patients"] < smallest)
    shown = effects.copy()
    columns = [name for name in shown if name.startswith(MEASURES)]
    shown.loc[hidden, [*columns, "patients", "records"]] = np.nan
    return shown


def effects_table(
    effects: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE
) -> Table:
    """List the effects of a model's having known the patient, by outcome and split."""
    rows = hide_few(effects, smallest)
    columns = {
        "split": rows["split"].map(SPLITS),
        "outcome": rows["kind"],
        f"{unit}s": [_count(number) for number in rows["patients"]],
        "later records": [_count(number) for number in rows["records"]],
        "loss, known less unknown": [_interval(row, "loss", 4) for _, row in rows.iterrows()],
        "misjudged of 100, unknown": [_number(value) for value in rows["unknown"]],
        "misjudged more of 100 if known": [
            _interval(row, "wrong", 2) for _, row in rows.iterrows()
        ],
    }
    return Table(
        pd.DataFrame(columns),
        f"Later records of {unit}s whom a model knew from earlier ones, less the same under models "
        "that did not know them; 95% intervals over patients and models. Outcome: whether all, "
        "none or some of the earlier records had it. " + explain_hidden(smallest, unit),
    )


def _count(number: float) -> str:
    return HIDDEN if pd.isna(number) else f"{number:,.0f}"


def _number(value: float) -> str:
    return HIDDEN if pd.isna(value) else f"{value:.1f}"


def _interval(row: pd.Series, name: str, digits: int) -> str:
    values = row[[name, f"{name}_low", f"{name}_high"]].to_numpy(float)
    if np.isnan(values).any():
        return HIDDEN
    mean, low, high = (f"{value:+.{digits}f}" for value in values)
    return f"{mean} ({low} to {high})"


def named_table(
    named: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE
) -> Table:
    """List of how many patients it shows that models are more wrong, or less, for knowing them."""
    columns = {
        "split": named["split"].map(SPLITS),
        "models that knew them": named["direction"].map(
            {"harmed": "are more wrong", "helped": "are less wrong"}
        ),
        f"{unit}s named": [
            show_few(row["count"], row["patients"], smallest) for _, row in named.iterrows()
        ],
        "by chance": [
            f"{row['by_chance']:.0f}" if row["count"] >= smallest else HIDDEN
            for _, row in named.iterrows()
        ],
        "at most, 95%": [
            show_few(row["at_most_false"], np.inf, smallest) if row["count"] >= smallest else HIDDEN
            for _, row in named.iterrows()
        ],
        "with coins drawn anew": named["redrawn_named"].map("{:.1f}".format),
        "intervals that miss 0 then": [
            f"{row['missed']} of {row['rounds']}" for _, row in named.iterrows()
        ],
    }
    return Table(
        pd.DataFrame(columns),
        f"{unit.capitalize()}s with later records named at a false-discovery rate of 5%; with "
        "coins drawn anew (who knew whom, redrawn as the design drew it): the mean number named, "
        "both ways together, and in how many redrawn audits the 95% interval of the mean effect "
        f"misses 0. {explain_hidden(smallest, unit)}",
    )


def groups_table(
    groups: pd.DataFrame,
    attributes: pd.DataFrame,
    flags: Mapping[str, np.ndarray],
    smallest: int = MIN_GROUP_SIZE,
) -> Table:
    """List the effects by group of patients with later records.

    attributes: of these patients; flags: "changed", bool, whose outcome changed.
    """
    shown = protect(attributes, flags, smallest)
    rows = shown[(shown["attribute"] != TOTAL) & shown[PATIENTS].notna()]
    table = rows.merge(groups.drop(columns=[PATIENTS, "changed"]), on=["attribute", "group"])
    enough = [not pd.isna(n) and n >= smallest for n in table["changed"]]
    columns = {
        "attribute": table["attribute"],
        "group": table["group"],
        PATIENTS: [_count(number) for number in table[PATIENTS]],
        "loss, known less unknown": [_interval(row, "loss", 4) for _, row in table.iterrows()],
        "misjudged more of 100": [_interval(row, "wrong", 2) for _, row in table.iterrows()],
        "changed outcome": [_count(number) for number in table["changed"]],
        "loss if it changed": [
            _interval(row, "changed_loss", 4) if is_shown else HIDDEN
            for is_shown, (_, row) in zip(enough, table.iterrows(), strict=True)
        ],
    }
    return Table(
        pd.DataFrame(columns),
        "Effects by group, of later records split in time; 95% intervals, each for itself. "
        + explain_hidden(smallest),
        by="attribute",
    )


def describe_later(
    effects: pd.DataFrame,
    named: pd.DataFrame,
    unit: str = "patient",
    smallest: int = MIN_GROUP_SIZE,
) -> list[str]:
    """Say in words what it does to later records that a model knew the patient."""
    rows = hide_few(effects, smallest).set_index(["split", "kind"])
    sentences = [
        f"Of 100 later records of {unit}s whom the model knew, "
        + _say(rows.loc[TIME, ALL], "are misjudged at the usual threshold than if it had not")
        + f" ({rows.loc[TIME, ALL]['unknown']:.1f} of 100)."
    ]
    for kind in [kind for split, kind in rows.index if split == TIME and kind != ALL]:
        row = rows.loc[TIME, kind]
        if not pd.isna(row["wrong"]):
            sentences.append(f"With {WHERE[kind]}: {_say(row)}.")
    harmed = named[(named["split"] == TIME) & (named["direction"] == "harmed")].iloc[0]
    sentences.append(
        f"Named, because models that knew them are more wrong about them later: "
        f"{show_few(harmed['count'], harmed['patients'], smallest)} of {harmed['patients']:,} "
        f"{unit}s."
    )
    if DIFFERENCE in rows.index.get_level_values(0):
        row = rows.loc[DIFFERENCE, ALL]
        verdict = "nothing" if row["loss_low"] <= 0 <= row["loss_high"] else "something"
        sentences.append(
            "Of records split by chance instead of in time the effect on the loss is "
            f"{rows.loc['chance', ALL]['loss']:+.4f}: {verdict} of time "
            f"({_interval(row, 'loss', 4)})."
        )
    return sentences


def _say(row: pd.Series, rest: str = "are misjudged") -> str:
    """Write "1.20 more (0.30 to 2.10) are misjudged", or fewer."""
    word = "more" if row["wrong"] >= 0 else "fewer"
    low, high = sorted(
        np.sign(row["wrong"] or 1) * row[["wrong_low", "wrong_high"]].to_numpy(float)
    )
    return f"{abs(row['wrong']):.2f} {word} ({low:.2f} to {high:.2f}) {rest}"
