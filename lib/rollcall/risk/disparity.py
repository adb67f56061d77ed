"""Who carries the risk: patients of each group among all and among the most exposed, with risk ratios, differences and adjusted odds ratios.

Units are patients: a patient counts once however many records there are. (`paper_panel` counts records, as the paper does.)
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact, norm
from statsmodels.stats.multitest import multipletests

from rollcall.util.errors import InputError

TOP = 0.01
SMALLEST_GROUP = 10
DRAWS = 20_000
DIAGNOSIS = (
    "diagnosis",
    "label",
    "finding",
)  # attributes that the adjusted odds ratio accounts for, where a cohort has them


def most_exposed(risk: np.ndarray, share: float = TOP) -> np.ndarray:
    """bool (P,): the ceil(share * P) patients of highest risk; ties are broken by position."""
    order = np.argsort(-np.asarray(risk), kind="stable")
    top = np.zeros(len(risk), bool)
    top[order[: max(1, int(np.ceil(share * len(risk))))]] = True
    return top


def effects(
    group: np.ndarray, top: np.ndarray, seed: int = 0, draws: int = DRAWS, level: float = 0.95
) -> dict[str, float]:
    """How much likelier a patient of the group is among the most exposed than any other patient: risk_ratio with ci_low, ci_high, and
    difference (of the two shares) with difference_low, difference_high.

    group, top bool (P,), both over the patients whose attribute is known. The intervals are percentile intervals of a patient-level
    Bayesian bootstrap (Rubin 1981) of the four counts with Jeffreys' prior, half a patient in each cell: with few or no patients of
    the group at the top a resampling bootstrap collapses to a point, this one does not.
    """
    a, b = int((group & top).sum()), int((group & ~top).sum())
    c, d = int((~group & top).sum()), int((~group & ~top).sum())
    inside, outside = a / max(a + b, 1), c / max(c + d, 1)
    rng = np.random.default_rng([seed, 5])
    drawn = rng.beta(a + 0.5, b + 0.5, draws), rng.beta(c + 0.5, d + 0.5, draws)
    ends = [(1 - level) / 2, (1 + level) / 2]
    ratios, differences = (
        np.quantile(drawn[0] / drawn[1], ends),
        np.quantile(drawn[0] - drawn[1], ends),
    )
    return {
        "risk_ratio": inside / outside if c else np.inf if a else np.nan,
        "ci_low": float(ratios[0]),
        "ci_high": float(ratios[1]),
        "difference": inside - outside,
        "difference_low": float(differences[0]),
        "difference_high": float(differences[1]),
    }


def adjusted_odds(
    group: np.ndarray, top: np.ndarray, records: np.ndarray, covariates: list[np.ndarray] = ()
) -> dict[str, float | str]:
    """Odds ratio of being among the most exposed, group against all others, with as many records and of the same diagnoses: odds_ratio,
    odds_low, odds_high (95%, Wald), odds_p, odds_method. Logistic regression of `top` on the group, log records and covariates.

    group, top bool (P,); records int (P,); covariates: (P,) integer codes each, one indicator for each level. odds_method: "logit", maximum
    likelihood (statsmodels); "Firth", penalised by Jeffreys' prior (Firth 1993; Heinze and Schemper 2002), where the group separates: it or its
    rest has none or all of the top; "not identified", with NaN, where group and covariates say the same. Levels of which nobody (or
    everybody) is at the top say nothing of the group and are left out.
    """
    none = {"odds_ratio": np.nan, "odds_low": np.nan, "odds_high": np.nan, "odds_p": np.nan}
    keep = np.ones(len(group), bool)
    for codes in covariates:
        size, ups = np.bincount(codes), np.bincount(codes, top)
        keep &= ((ups > 0) & (ups < size))[codes]
    group, top, records, covariates = (
        group[keep],
        top[keep],
        records[keep],
        [codes[keep] for codes in covariates],
    )
    if not len(group) or group.all() or not group.any() or top.all() or not top.any():
        return none | {"odds_method": "not identified"}
    cell = np.zeros(len(group), np.int64)
    for codes in (group, records, *covariates):  # patients who are alike make one row
        cell = np.unique(cell * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
    first = np.unique(cell, return_index=True)[1]
    columns = [
        group,
        np.log(records),
        *(codes == level for codes in covariates for level in np.unique(codes)[1:]),
    ]
    x = np.column_stack(
        [
            np.ones(len(first)),
            *(column[first] for column in columns if np.ptp(column[first].astype(float)) > 0),
        ]
    )
    n, y = np.bincount(cell).astype(float), np.bincount(cell, top)
    if np.linalg.matrix_rank(x) < x.shape[1]:
        return none | {"odds_method": "not identified"}
    separated = not all(
        (group == side).any() and 0 < top[group == side].sum() < (group == side).sum()
        for side in (False, True)
    )
    found = None if separated else _logit(x, y, n)
    method = "Firth" if found is None else "logit"
    beta, se = found or _firth(x, y, n)
    with np.errstate(over="ignore"):
        low, middle, high = np.exp([beta - norm.ppf(0.975) * se, beta, beta + norm.ppf(0.975) * se])
    return {
        "odds_ratio": float(middle),
        "odds_low": float(low),
        "odds_high": float(high),
        "odds_p": float(2 * norm.sf(abs(beta) / se)),
        "odds_method": method,
    }


def _logit(x, y, n) -> tuple[float, float] | None:
    """(coefficient, standard error) of column 1 by maximum likelihood; None if it does not converge to something finite."""
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # perfect separation and overflow are looked for below
        try:
            fit = GLM(np.column_stack([y, n - y]), x, family=families.Binomial()).fit(maxiter=50)
        except (ValueError, np.linalg.LinAlgError):
            return None
    fine = (
        fit.converged
        and np.isfinite(fit.bse).all()
        and (np.abs(fit.params) < 20).all()
        and fit.bse[1] < 20
    )
    return (float(fit.params[1]), float(fit.bse[1])) if fine else None


def _firth(x, y, n, steps: int = 200) -> tuple[float, float]:
    """(coefficient, standard error) of column 1, Firth's penalised likelihood for y of n in each row of x, by Newton's method with short steps."""
    beta = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        w = n * p * (1 - p)
        covariance = np.linalg.pinv((x * w[:, None]).T @ x)
        leverage = w * np.einsum("ij,jk,ik->i", x, covariance, x)
        step = covariance @ (x.T @ (y - n * p + leverage * (0.5 - p)))
        beta = beta + step / max(1.0, np.abs(step).max() / 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(beta[1]), float(np.sqrt(covariance[1, 1]))


def groups(attributes: pd.DataFrame):
    """Yield (attribute, group, in it, known), the latter two bool (P,): the categories of each categorical column, and each bool column
    "attribute: group", one of several overlapping groups, whose value is always known."""
    for column in attributes:
        values = attributes[column]
        if values.dtype == bool:
            attribute, _, group = column.partition(": ")
            yield attribute, group or "yes", values.to_numpy(), np.ones(len(values), bool)
            continue
        values = values.astype("category")
        known = values.notna().to_numpy()
        for group in values.cat.categories:
            yield column, str(group), (values == group).to_numpy(dtype=bool), known


def intersections(attributes: pd.DataFrame, pairs: list[tuple[str, str]] | None = None):
    """Yield the groups of each pair of categorical attributes as `groups` does: ("race x sex", "B, female", in both, both known). pairs: None
    is the first two categorical columns. A pair of which any combination has 1 to 9 patients is left out as a whole: beside the groups of
    either attribute alone, that number could be had by subtraction."""
    plain = [column for column in attributes if attributes[column].dtype != bool]
    for pair in ([tuple(plain[:2])] if len(plain) > 1 else []) if pairs is None else pairs:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(f"intersection {' x '.join(pair)}: expected two different attributes")
        for name in pair:
            if name not in plain:
                raise InputError(
                    f"intersection {' x '.join(pair)}: {name!r} is no categorical attribute; expected two of: {', '.join(plain)}"
                )
        one, two = (list(groups(attributes[[name]])) for name in pair)
        both = [(f"{a[1]}, {b[1]}", a[2] & b[2], a[3] & b[3]) for a in one for b in two]
        if min(len(one), len(two)) > 1 and not any(
            0 < inside.sum() < SMALLEST_GROUP for _, inside, _ in both
        ):
            yield from ((" x ".join(pair), name, inside, known) for name, inside, known in both)


def disparity(
    patients: pd.DataFrame,
    attributes: pd.DataFrame,
    risk: str = "auc_joint",
    share: float = TOP,
    seed: int = 0,
    pairs: list[tuple[str, str]] | None = None,
    adjust: tuple[str, ...] = DIAGNOSIS,
) -> pd.DataFrame:
    """One row per attribute and group. `patients` as risk.assess returns it; `attributes` (P rows) as cohort.patient_attributes does; `pairs`
    of attributes to cross as in `intersections`, [] for none; `adjust`, attributes to account for.

    attribute, group, intersection (bool); patients, records; share among all patients and share_top among the most exposed 1%, both of those whose
    value is known; top (patients of the group among them); exposed and exposed_share (of the group); mean_risk; risk_ratio against all other
    patients with known value, ci_low, ci_high (95%), difference of the two shares and its interval; odds_ratio, adjusted for records per
    patient and `adjust`, its interval, odds_p and odds_method (adjusted_odds; an attribute is not adjusted for itself); p: exact permutation
    test of the group against the top (Fisher: every way of handing out the group's labels to patients), two-sided; p_adjusted: Holm's
    over all rows. Groups under 10 patients are left out, and groups that leave under 10 others.
    """
    if len(patients) != len(attributes):
        raise InputError(
            f"{len(patients)} patients and {len(attributes)} rows of attributes; expected one row per patient, in the same order"
        )
    value = patients[risk].to_numpy()
    top = most_exposed(value, share)
    exposed, records = patients["exposed"].to_numpy(), patients["records"].to_numpy()
    codes = {
        column: pd.factorize(attributes[column])[0] + 1
        for column in attributes
        if column.partition(": ")[0] in adjust
    }
    rows = []
    every = [
        *((False, each) for each in groups(attributes)),
        *((True, each) for each in intersections(attributes, pairs)),
    ]
    for crossed, (attribute, name, group, known) in every:
        size = int(group.sum())
        if (
            min(size, known.sum() - size) < SMALLEST_GROUP
        ):  # a small rest could be had by subtraction
            continue
        counts = [
            [(group & top).sum(), (group & ~top).sum()],
            [(known & ~group & top).sum(), (known & ~group & ~top).sum()],
        ]
        others = [
            code[known]
            for column, code in codes.items()
            if column.partition(": ")[0] not in attribute.split(" x ")
        ]
        rows.append(
            {
                "attribute": attribute,
                "group": name,
                "intersection": crossed,
                "patients": size,
                "records": int(records[group].sum()),
                "share": size / known.sum(),
                "share_top": (group & top).sum() / max((known & top).sum(), 1),
                "top": int((group & top).sum()),
                "exposed": int((group & exposed).sum()),
                "exposed_share": float(exposed[group].mean()),
                "mean_risk": float(value[group].mean()),
                **effects(group[known], top[known], seed),
                **adjusted_odds(group[known], top[known], records[known], others),
                "p": float(fisher_exact(counts)[1]),
            }
        )
    if not rows:
        raise InputError(
            f"no attribute has two groups of at least {SMALLEST_GROUP} patients; expected at least one, in: {', '.join(attributes)}"
        )
    table = pd.DataFrame(rows)
    table["p_adjusted"] = multipletests(table["p"], method="holm")[1]
    return table
