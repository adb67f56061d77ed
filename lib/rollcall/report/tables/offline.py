"""Tables of one model that was looked at with references which never saw the patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from rollcall.attacks.offline import FEWEST_OUTSIDERS, MEMBER, OUTSIDER, UNKNOWN, Offline
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.gate import HIDDEN, explain_hidden, show_few
from rollcall.report.tables.showing import Table
from rollcall.report.tables.showing.formats import format_interval
from rollcall.stats.metrics import auc_with_limits, rate_interval, threshold_at_fpr

FPRS = (0.1, 0.01, 0.001)
FALSE_ALARMS = 10  # outsiders that a rate must allow to be accused, to be shown
LEVELS = (0.05, 0.01, 0.001, 1e-4, 1e-5)  # of p-values
KINDS = {
    MEMBER: "known members",
    UNKNOWN: "not known whether members",
    OUTSIDER: "known outsiders",
}


def write_counts(status: np.ndarray, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write how many patients there are of each kind, none of them fewer than may be told.

    Of a total of which too few are outsiders only the others are counted.
    """
    members, outsiders = (int((status == kind).sum()) for kind in (MEMBER, OUTSIDER))
    asked = len(status) - outsiders
    known = f", {members:,} of them known members" if _may_show(members, asked, smallest) else ""
    return f"{asked:,} patients{known}, and {show_few(outsiders, np.inf, smallest)} known outsiders"


def asked_table(result: Offline, status: np.ndarray, smallest: int = MIN_GROUP_SIZE) -> Table:
    """List how many patients of each kind there are, and how many of them are named.

    status (P,): MEMBER, OUTSIDER or UNKNOWN. A kind of too few, or in which too few are named or
    not named, hides the others': what is left of the total would say it.
    """
    can_name = (status == OUTSIDER).sum() >= FEWEST_OUTSIDERS
    counts = {kind: int((status == kind).sum()) for kind in KINDS}
    named = {kind: int(result.exposed[status == kind].sum()) for kind in KINDS}
    asked = counts[MEMBER] + counts[UNKNOWN]
    sizes = all(_may_show(count, len(status), smallest) for count in counts.values())
    parts = sizes and all(
        _may_show(named[kind], counts[kind], smallest) for kind in (MEMBER, UNKNOWN)
    )
    rows = []
    for kind, words in KINDS.items():
        if counts[kind]:
            shown = f"{named[kind]:,}" if parts and can_name else HIDDEN
            shown = "not asked about" if kind == OUTSIDER else shown
            rows.append((words, f"{counts[kind]:,}" if sizes else HIDDEN, shown))
    total = sum(named.values())
    shown = show_few(total, asked, smallest) if can_name else "nobody could be"
    rows.append(("all who were asked about", f"{asked:,}", shown))
    return Table(
        pd.DataFrame(rows, columns=["patients", "number", "named as exposed"]),
        "Who was asked about, and who is named at a false-discovery rate of 5%. "
        f"{explain_hidden(smallest)}",
    )


def offline_table(result: Offline, status: np.ndarray, smallest: int = MIN_GROUP_SIZE) -> Table:
    """List how well each attack tells known members from known outsiders.

    True-positive rates are shown where at least 10 outsiders may be accused.
    """
    caption = "Attacks on the model's answers, of each patient: members against outsiders"
    known = status != UNKNOWN
    is_member = status[known] == MEMBER
    members, outsiders = int(is_member.sum()), int((~is_member).sum())
    if min(members, outsiders) < max(smallest, 2):
        empty = f"How well the attacks do is not shown: that takes {smallest} known members and "
        return Table(None, caption, f"{empty}{smallest} known outsiders.")
    fprs = [fpr for fpr in FPRS if fpr * outsiders >= FALSE_ALARMS]
    rows = []
    for attack, scores in (("LiRA offline", result.lira), ("RMIA offline", result.rmia)):
        score = scores[known]
        row = {"attack": attack}
        row["AUC"] = format_interval(*auc_with_limits(score, is_member), "{:.3f}")
        thresholds = threshold_at_fpr(np.sort(score[~is_member]), np.array(fprs))
        for fpr, threshold in zip(fprs, thresholds, strict=True):
            hits = (score[is_member] > threshold).astype(float)
            rate = rate_interval(hits, np.ones(members))
            may = _may_show(int(hits.sum()), members, smallest)
            row[f"TPR at FPR {100 * fpr:g}%"] = format_interval(*rate, "{:.1%}") if may else HIDDEN
        rows.append(row)
    return Table(
        pd.DataFrame(rows),
        f"{caption}. 95% intervals, for other patients and this model; guessing gives 0.5, and a "
        "TPR that is the FPR. Rates at which at least 10 outsiders are accused",
    )


def surprise_table(result: Offline, status: np.ndarray, smallest: int = MIN_GROUP_SIZE) -> Table:
    """List how many of those asked about have so small a p-value, and how many would by chance."""
    caption = "How unusual the model's answers are, for those who were asked about"
    p, outsiders = result.p_value[status != OUTSIDER], int((status == OUTSIDER).sum())
    if outsiders < FEWEST_OUTSIDERS:
        empty = f"p-values are not shown: they take at least {FEWEST_OUTSIDERS} known outsiders."
        return Table(None, caption, empty)
    rows, shown = [], [len(p), int(result.exposed.sum())]  # who is named: all up to some p-value
    for level in LEVELS:
        if level * (1 + outsiders) < 1:
            break  # no p-value can be as small
        count = int((p <= level).sum())
        may = _may_show(count, count, smallest) and all(
            _may_show(min(count, other), max(count, other), smallest) or other < smallest
            for other in shown
        )
        rows.append(
            (f"{level:g} or less", f"{count:,}" if may else HIDDEN, f"{level * len(p):,.0f}")
        )
        shown += [count] if may else []
    return Table(
        pd.DataFrame(rows, columns=["p-value", "patients", "if nobody had been a member"]),
        f"{caption}. Each is set against {show_few(outsiders, np.inf, smallest)} outsiders; by "
        f"chance, p-values are spread evenly. {explain_hidden(smallest)}",
    )


def _may_show(count: int, total: int, smallest: int) -> bool:
    """Say whether a count, and what it leaves of a total, are each 0 or no fewer than may be."""
    return all(number == 0 or number >= smallest for number in (count, total - count))
