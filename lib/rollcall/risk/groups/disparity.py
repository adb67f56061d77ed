"""Who is more exposed than whom: each group of patients beside all others.

Units are patients: a patient counts once however many records there are. (rollcall.paper.panel
counts records, as the paper does.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rollcall.risk.groups.deconvolved import compare_deconvolved
from rollcall.risk.groups.exact import adjust_p_values, conditional_p_value, log_factorials
from rollcall.risk.groups.listing import Groups
from rollcall.risk.groups.odds import estimate_in_strata, stratify_patients
from rollcall.risk.groups.ranking import rank_score, share_top
from rollcall.risk.groups.ratios import compare_within, make_strata, shift_within
from rollcall.risk.groups.two_way import Moves, make_moves, naming_slope, share_interval
from rollcall.util.errors import InputError
from rollcall.util.parallel import make_blocks, map_blocks

# Attributes that the adjusted odds ratio accounts for, where a cohort has them.
DIAGNOSIS_ATTRIBUTES = ("diagnosis", "label", "finding")
LEAST_TESTED = 0.01  # of a label's patients are at the top in the test, where fewer are exposed
GROUPS_PER_BLOCK = 32


def compare_groups(
    groups: Groups,
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    statistic: np.ndarray,
    members: np.ndarray,
    adjust: tuple[str, ...] = DIAGNOSIS_ATTRIBUTES,
) -> pd.DataFrame:
    """Compare each group with all other patients whose value is known: a row per group.

    groups as list_groups returns them, of attributes, a row per patient; patients as assess_risk
    returns it, its `stratum` the training label, rare ones together; statistic (M, P), members
    bool (M, P): the joint statistic; adjust: attributes that the odds ratio accounts for.
    InputError if rows do not match.

    Intervals are of 95%, over patients and models: of the number that other patients of the same
    kind would have, audited with as many other models. *Within* is within training label and class
    of records per patient (make_strata); where the group is the outcome, within records alone.

    attribute, group, intersection, is_outcome, patients, share: of list_groups
    records                  of the group
    exposed, exposed_share, exposed_low, exposed_high
                             exposed patients of the group; their share, with interval
    exposed_by_chance        how many of them are there by chance, an estimate
    share_exposed            of the group among all exposed
    risk_ratio, ci_low, ci_high
                             share of exposed patients in the group to that of all others
    ratio_within, within_low, within_high
                             the same, within
    shift, shift_low, shift_high
                             mean d = Phi^-1(AUC) of the group less that of all others, within
    deconvolved_share, deconvolved_others, deconvolved_ratio, deconvolved_low, deconvolved_high
                             share with a true AUC of at least 0.7, and its ratio
                             (compare_deconvolved); NaN where fewer than 10 patients have one
    odds_ratio, odds_low, odds_high, odds_p, odds_method
                             of being exposed, adjusted for the training label, log records and
                             `adjust` (estimate_odds_ratio; its interval is over patients); an
                             attribute is not adjusted for itself
    p                        exact test within of the group against the top by pair score: in each
                             label as many as are exposed in it, at least 1% (conditional_p_value)
    p_adjusted               Holm's, over all rows
    """
    if len(patients) != len(attributes):
        raise InputError(
            f"{len(patients)} patients and {len(attributes)} rows of attributes; "
            "expected one row per patient, in the same order"
        )
    size = len(patients)
    exposed, records = patients["exposed"].to_numpy(bool), patients["records"].to_numpy()
    label = _column(patients, "stratum", 0).astype(int)
    d, move, error = make_moves(statistic, members)
    to_expose = move * naming_slope(d, exposed, label, error).astype(np.float32)
    moves_of_d, moves = (
        Moves(each, np.einsum("kn,kn->n", each, each, dtype=np.float64))
        for each in (move, to_expose)
    )
    by_chance = np.where(d < 0, 2 * _column(patients, "chance", np.nan), 0)
    strata = {False: make_strata(label, records), True: make_strata(np.zeros(size), records)}
    outcome = groups.table["is_outcome"].to_numpy()

    table = groups.table.copy()
    columns = {name: np.full(len(table), np.nan) for name in _COLUMNS}
    for c in make_blocks(len(table), GROUPS_PER_BLOCK):
        inside, known = groups.inside(c), groups.known(c)
        count, number = exposed.astype(float) @ inside, inside.sum(0)
        columns["records"][c] = records.astype(float) @ inside
        columns["exposed"][c], columns["exposed_share"][c] = count, count / number
        columns["exposed_by_chance"][c] = by_chance @ inside
        columns["share_exposed"][c] = count / np.maximum(exposed.astype(float) @ known, 1)
        columns["exposed_low"][c], columns["exposed_high"][c] = share_interval(
            count, number, moves.variance(inside / number), len(move)
        )
        crude = compare_within(exposed.astype(float), inside, known, np.zeros(size, int))
        _set_ratio(columns, ("risk_ratio", "ci_low", "ci_high"), c, crude, moves)
        for is_outcome in np.unique(outcome[c]):
            these = np.flatnonzero(outcome[c] == is_outcome)
            place = np.arange(c.start, c.stop)[these]
            pair = inside[:, these], known[:, these]
            within = compare_within(exposed.astype(float), *pair, strata[is_outcome])
            names = ("ratio_within", "within_low", "within_high")
            _set_ratio(columns, names, place, within, moves)
            shift = shift_within(d, *pair, strata[is_outcome])
            columns["shift"][place] = shift.estimate
            columns["shift_low"][place], columns["shift_high"][place] = shift.interval(moves_of_d)
    for name, values in columns.items():
        table[name] = values
    for name in ("records", "exposed"):
        table[name] = table[name].astype(int)
    deconvolved = compare_deconvolved(statistic, members, groups.inside(), groups.known())
    for name in ("share", "others", "ratio", "low", "high"):
        table[f"deconvolved_{name}"] = getattr(deconvolved, name)
    odds = _estimate_all_odds(groups, exposed, records, label, attributes, adjust)
    table = pd.concat([table, pd.DataFrame(odds)], axis=1)
    table["p"] = _test_all(groups, rank_score(statistic, members), exposed, label, strata)
    table["p_adjusted"] = adjust_p_values(table["p"])
    return table


_COLUMNS = (
    "records",
    "exposed",
    "exposed_share",
    "exposed_low",
    "exposed_high",
    "exposed_by_chance",
    "share_exposed",
    "risk_ratio",
    "ci_low",
    "ci_high",
    "ratio_within",
    "within_low",
    "within_high",
    "shift",
    "shift_low",
    "shift_high",
)


def _column(patients: pd.DataFrame, name: str, missing: float) -> np.ndarray:
    """Return a column of patients; where there is none, `missing` for all."""
    return patients[name].to_numpy() if name in patients else np.full(len(patients), missing)


def _set_ratio(columns: dict, names: tuple, place, contrast, moves: Moves) -> None:
    ratio, low, high = (np.exp(log) for log in (contrast.estimate, *contrast.interval(moves)))
    for name, values in zip(names, (ratio, low, high), strict=True):
        columns[name][place] = values


def _estimate_all_odds(
    groups: Groups,
    exposed: np.ndarray,
    records: np.ndarray,
    label: np.ndarray,
    attributes: pd.DataFrame,
    adjust: Sequence[str],
) -> list[dict]:
    """Estimate the adjusted odds ratio of every group; patients alike are put together once."""
    codes = [
        (column.partition(": ")[0], pd.factorize(attributes[column])[0] + 1)
        for column in attributes
        if column.partition(": ")[0] in adjust
    ]
    codes = [(name, values) for name, values in codes if not _says_the_same(values, label)]
    label_code = np.unique(label, return_inverse=True)[1]
    odds, last = [], None
    for j, row in enumerate(groups.table.itertuples()):
        known = groups.known(slice(j, j + 1))[:, 0]
        others = set(adjust).difference(row.attribute.split(" x "))
        key = others, row.is_outcome
        if last is None or last[0] != key or (last[1] != known).any():
            covariates = [values for name, values in codes if name in others]
            if not row.is_outcome:
                covariates.append(label_code)
            last = key, known, stratify_patients(exposed, records, covariates, known)
        odds.append(estimate_in_strata(groups.inside(slice(j, j + 1))[:, 0], last[2]))
    return odds


def _says_the_same(values: np.ndarray, label: np.ndarray) -> bool:
    """Tell whether one of two codes says all that the other says, both (P,)."""
    both = len(np.unique(np.stack([values, label]), axis=1).T)
    return len(np.unique(label)) > 1 and both in (len(np.unique(values)), len(np.unique(label)))


def find_tested(
    score: np.ndarray, exposed: np.ndarray, label: np.ndarray
) -> dict[bool, np.ndarray]:
    """Find the patients at the top that the exact tests count, bool (P,): in groups that are not
    the outcome (False), and in those that are (True).

    score (P,) pair scores; exposed bool (P,); label int (P,). In each label, or of all, as many as
    are exposed there, at least 1%; patients tied at the cut are in it.
    """
    tops = {}
    for is_outcome, kind in ((False, label), (True, np.zeros_like(label))):
        top = np.zeros(len(score), bool)
        for code in np.unique(kind):
            inside = np.flatnonzero(kind == code)
            count = max(int(exposed[inside].sum()), int(np.ceil(LEAST_TESTED * len(inside))))
            top[inside] = share_top(score[inside], count) > 0
        tops[is_outcome] = top
    return tops


def _test_all(
    groups: Groups,
    score: np.ndarray,
    exposed: np.ndarray,
    label: np.ndarray,
    strata: dict[bool, np.ndarray],
) -> np.ndarray:
    """Return the exact p-value of each group, (J,), within strata; groups that are the outcome
    are tested within records alone, against the top of all patients."""
    tops = find_tested(score, exposed, label)
    factorials = log_factorials(len(score))
    outcome, p = groups.table["is_outcome"].to_numpy(), np.empty(len(groups.table))

    def work(slices: list[slice]) -> None:
        for c in slices:
            inside, known = groups.inside(c), groups.known(c)
            for place in range(c.stop - c.start):
                code, top = strata[outcome[c.start + place]], tops[outcome[c.start + place]]
                count = int(code.max()) + 1
                sides = (
                    inside[:, place] & top,
                    inside[:, place],
                    known[:, place] & top,
                    known[:, place],
                )
                tables = [np.bincount(code[side], minlength=count) for side in sides]
                p[c.start + place] = conditional_p_value(np.stack(tables, axis=1), factorials)

    map_blocks(work, make_blocks(len(p), GROUPS_PER_BLOCK))
    return p
