"""Tables of defences: settings side by side, what each costs each group, the next layer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, explain_hidden, show_few
from rollcall.report.tables.models import show_interval
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_share
from rollcall.risk.exposed.assess import HIGHEST_AUC
from rollcall.risk.units import FPRS, share_recognised

WORST_FPR = FPRS[-1]  # false alarms of what is told of the worst


def defence_table(
    settings: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE
) -> Table:
    """Format the table of rollcall.experiments.defence: skill, risk, what is promised."""
    counts = settings[["exposed", "patients"]].to_numpy()
    is_few = [show_few(count, total, smallest) != f"{count:,.0f}" for count, total in counts]
    coarse = settings["coarse"]
    intervals = [
        show_interval(count, low, high, smallest)
        for count, low, high in settings[["above", "above_low", "above_high"]].to_numpy()
    ]
    columns = {
        "setting": settings["setting"],
        "AUROC, not seen": [
            f"{mean:.3f} ± {sd:.3f}" for mean, sd in settings[["auroc", "auroc_sd"]].to_numpy()
        ],
        "test": _show(settings["auroc_test"], "{:.3f}"),
        "LiRA": settings["lira_auc"].map("{:.3f}".format),
        "RMIA": settings["rmia_auc"].map("{:.3f}".format),
        "exposed": [show_few(count, total, smallest) for count, total in counts],
        "share": [
            HIDDEN if few else format_share(count / total)
            for few, (count, total) in zip(is_few, counts, strict=True)
        ],
        "by chance": [
            HIDDEN if few or not count else f"{number:,.0f}"
            for few, count, number in zip(
                is_few, settings["exposed"], settings["by_chance"], strict=True
            )
        ],
        "true AUC of 0.9 or more": [
            text if text == HIDDEN or not ties else f"at most {text}"
            for text, ties in zip(intervals, coarse, strict=True)
        ],
        f"told of the {smallest} worst, 0.1% false alarms": [
            HIDDEN if ties else _show_worst(value, least)
            for ties, value, least in zip(
                coarse, settings["worst_tpr"], settings["worst_low"], strict=True
            )
        ],
        "promised": [
            _show_promise(*row)
            for row in settings[["promised", "delta", "tried", "promised_together"]].to_numpy()
        ],
        "ceiling, record": _show_ceilings(settings["ceiling_record"]),
        f"ceiling, {unit}": _show_ceilings(settings["ceiling_patient"]),
    }
    if settings["auroc_test"].isna().all():
        del columns["test"]
    if settings["ceiling_record"].isna().all():
        del columns["promised"], columns["ceiling, record"], columns[f"ceiling, {unit}"]
    most = int(settings["most_records"].max())
    targets = int(settings["targets"].min())
    return Table(
        pd.DataFrame(columns),
        f"Defences of one cohort, {targets} target models each, of {unit}s of whom a model had a "
        "random half. AUROC: mean and standard deviation over targets; LiRA, RMIA: AUC over all "
        "records; by chance: so many of the exposed, expected. Told of the worst: memberships told "
        f"of the {smallest} {unit}s of the highest "
        "true risk, with one false alarm in 1,000, read off their AUC for normal scores and never "
        "counted; in brackets by the lower limit of their number. Ceiling: the highest AUC that "
        f"the promise allows any attacker, of one record and of a {unit} with {most} records. At "
        f"most: of outputs with many ties the AUC is too high. {explain_hidden(smallest, unit)}",
    )


def _show(values: pd.Series, form: str) -> list[str]:
    return [HIDDEN if np.isnan(value) else form.format(value) for value in values]


def _show_promise(epsilon: float, delta: float, tried: float, together: float) -> str:
    if np.isnan(epsilon):
        return HIDDEN
    text = f"ε {epsilon:.3g}, δ {delta:.1g}"
    return text if tried == 1 else f"{text}; {tried:.0f} tried together: ε {together:.3g}"


def _show_ceilings(values: pd.Series) -> list[str]:
    shown = _show(values.clip(upper=0.999), "{:.3f}")
    return [
        "above 0.999" if value > 0.999 else text for value, text in zip(values, shown, strict=True)
    ]


def _show_worst(value: float, least: float) -> str:
    if np.isnan(value):
        return HIDDEN
    highest = share_recognised(HIGHEST_AUC, WORST_FPR)
    text = f"{value:.1%}" + (" or more" if value >= highest - 1e-9 else "")
    return text + ("" if np.isnan(least) else f" ({least:.1%})")


def defence_groups_table(groups: pd.DataFrame, smallest: int = MIN_GROUP_SIZE) -> Table:
    """List the AUROC of each group under the plain models, and its change under each setting."""
    names = list(dict.fromkeys(groups["setting"]))
    by_setting = {
        name: groups[groups["setting"] == name].set_index(["attribute", "group"]) for name in names
    }
    plain = by_setting[names[0]]
    rows = []
    for key, row in plain.iterrows():
        attribute, group = key  # pyright: ignore
        cells = {
            "group": "everybody" if attribute == "all" else f"{attribute} {group}",
            "patients": f"{row['patients']:,}",
            f"AUROC, {names[0]}": f"{row['auroc']:.3f}",
        }
        for name in names[1:]:
            table = by_setting[name]
            change = table["change"].get(key, np.nan)
            cells[name] = HIDDEN if np.isnan(change) else f"{change:+.3f}"
            if not np.isnan(change) and (table["low"][key] > 0 or table["high"][key] < 0):
                cells[name] += " *"
        rows.append(cells)
    return Table(
        pd.DataFrame(rows),
        "Who pays: AUROC of each group on patients not seen in training, and its change under each "
        "setting against the plain models. *: the 95% interval over pairs of targets, for as many "
        "new models of these patients, leaves out 0; rows are not adjusted for their number. "
        f"Groups with fewer than {smallest} patients of any class, or without, are left out",
    )


def layer_table(arms: pd.DataFrame, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Table:
    """Format the table of rollcall.experiments.defence.layers.Layer."""
    total = arms["patients"].to_numpy()
    few = [0 < count < smallest for count in arms["named"]]
    removed, trained = arms["removed"].to_numpy(), arms["trained"].to_numpy()
    both = 2 * removed - (trained + removed - total)  # removed in both arms, by luck
    hidden = [  # where who stayed would say how few they are
        any(0 < count < smallest for count in counts)
        for counts in zip(both, removed, trained, strict=True)
    ]
    columns = {
        "models": arms["arm"],
        f"{unit}s removed": [
            show_few(removed, trained + removed, smallest)
            for removed, trained in arms[["removed", "trained"]].to_numpy()
        ],
        "stayed, not exposed before": [
            HIDDEN if hide else f"{count:,}" for hide, count in zip(hidden, total, strict=True)
        ],
        "newly exposed": [
            show_few(count, number, smallest)
            for count, number in zip(arms["named"], total, strict=True)
        ],
        "95% interval": [
            HIDDEN if hide else f"{low:,.0f} to {high:,.0f}"
            for hide, low, high in zip(few, arms["named_low"], arms["named_high"], strict=True)
        ],
        "share": [
            HIDDEN if hide or untold else format_share(count / number)
            for hide, untold, count, number in zip(few, hidden, arms["named"], total, strict=True)
        ],
        "of them by chance": [
            HIDDEN if hide else f"{count:,.0f}"
            for hide, count in zip(few, arms["by_chance"], strict=True)
        ],
        "true AUC of 0.9 or more": [
            show_interval(count, low, high, smallest)
            for count, low, high in arms[["above", "above_low", "above_high"]].to_numpy()
        ],
        "mean AUC": arms["mean_auc"].map("{:.3f}".format),
        "AUROC, not seen": arms["auroc"].map("{:.3f}".format),
    }
    return Table(
        pd.DataFrame(columns),
        f"The next layer: the same {unit}s, who were not exposed and stayed in both, by models "
        f"that never saw the exposed, and by models that never saw as many {unit}s of the same "
        "labels drawn at random (the control: what new models and fewer data name anyway). "
        f"{explain_hidden(smallest, unit)}",
    )
