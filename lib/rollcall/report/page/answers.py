"""The answers of an audit over many models to the 18 fields; no number that the report hides."""

from __future__ import annotations

import math

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.report.gate import reached_by, show_few, show_limit
from rollcall.report.page.fields import NOT_APPLICABLE, Field, fill_in
from rollcall.report.words.facts import count_both
from rollcall.report.words.findings import mean_metric
from rollcall.report.words.opening import CONTROL, FEW, FOUND, Opening
from rollcall.report.words.promises import describe_refuted
from rollcall.report.words.sentences import Findings
from rollcall.report.words.statement import Statement
from rollcall.risk.units import FPRS, PRIORS, convert_to_epsilon, describe_risk
from rollcall.runs.config import read_config
from rollcall.runs.derived.tables import read_table
from rollcall.runs.run import Run
from rollcall.runs.sealed import compute_digest
from rollcall.stats.accounting.halves import DELTA

HIGH_AUC = 0.9
THREAT = (
    "The attacker holds the whole record, all records of the {unit} and their labels, has data "
    "like these to train {references} models of the same kind with, and sees exact scores (a black "
    "box). Not tried: looking inside the model (white box), labels alone, rebuilding records "
    "(inversion), guessing missing values (attribute inference), asking several times in different "
    "ways."
)
DISCLOSURE = (
    "No number of {unit}s under {smallest} is shown, but 0, nor one from which it follows by "
    "subtraction within or across attributes. Shares have a tenth of a per cent, p-values two "
    "digits. The csv beside a figure holds what is drawn and no more."
)
LIMITS = (
    "Each model had {share} of the {unit}s: one trained on all may remember less or more. The "
    "game is of retraining: what one finished model gives away takes rollcall release. "
)
STATED = {"system": "System", "purpose": "Purpose", "channel": "Released as"}


def answer_fields(
    run: Run,
    cohort: Cohort,
    findings: Findings,
    opening: Opening,
    statement: Statement,
    origin: dict[str, str],
    decision: dict | None = None,
) -> list[Field]:
    """Answer all 18 fields of a finished run.

    origin: tool, made (the date), epsilon (what is promised; "" if it is not known), command;
    decision: as rollcall.report.appetite.describe_verdict.
    """
    unit, appetite = findings.unit, (decision or {}).get("appetite", {})
    stated = [
        f"{name}: {statement.say(key, appetite.get(key, ''))}." for key, name in STATED.items()
    ]
    answers = {
        1: f"{' '.join(stated)} Audited: {_describe_recipe(run)}.",
        2: f"Auditor: {statement.say('auditor')}. Independence: {statement.say('independence')}. "
        f"Made {origin['made']} with {origin['tool']}.",
        3: THREAT.format(unit=unit, references=findings.targets - (2 if is_paired(run) else 1)),
        4: f"The {unit}: whoever is in a training set is there with all records, and an attacker "
        f"may hold all of them. {_count_records(cohort, findings)}",
        5: f"{_describe_data(cohort, findings)} Period: {statement.say('period')}. Licence: "
        f"{statement.say('licence', 'as the source says')}. Responsible: "
        f"{statement.say('controller')}. Legal basis: {statement.say('legal_basis')}.",
        6: _describe_size(run, findings),
        7: _describe_average(run, findings),
        8: _describe_persons(run, findings, opening.case),
        9: _describe_worst(run, findings, opening.case),
        10: _describe_groups(findings, opening),
        11: _describe_guarantee(run, findings, opening.case, origin["epsilon"]),
        12: f"Who runs the model: {opening.deployers} People in the data: {opening.people} They "
        f"were told: {statement.say('informed')}.",
        13: f"{_describe_training(run)} Others: {statement.say('mitigations')}.",
        14: _describe_decision(decision, statement),
        15: LIMITS.format(unit=unit, share="half" if is_paired(run) else "a part")
        + describe_power(findings, opening.case),
        16: DISCLOSURE.format(smallest=findings.smallest, unit=unit),
        17: "report.json holds all of this for programs, by a published schema; this page prints "
        "on A4 with running heads.",
        18: f"Seed {run.seed}. Command: {origin['command'] or 'called from Python'}. Versions and "
        "sha256 of every table: there.",
    }
    return fill_in(answers)


def is_paired(run: Run) -> bool:
    """Return whether models come in complementary pairs, each with half of the patients."""
    return "design" not in run.config


def _describe_recipe(run: Run) -> str:
    recipe = run.config.get("recipe")
    if not recipe:
        return f"{run.targets} models trained elsewhere, by their scores"
    digest = compute_digest(recipe)
    return f"the recipe {recipe['model']}, sha256 {digest[:16]}, retrained {run.targets} times"


def _count_records(cohort: Cohort, findings: Findings) -> str:
    records, patients = len(cohort), findings.patients
    if patients < findings.smallest or 0 < records - patients < findings.smallest:
        return f"Nearly every {findings.unit} has one record."
    return f"{records / patients:.1f} records of each {findings.unit} on average."


def _describe_data(cohort: Cohort, findings: Findings) -> str:
    source = cohort.source or "Source not stated."
    count = count_both(cohort, findings.smallest)
    return f"{cohort.name}: {count}. {source} Fingerprint {cohort.fingerprint[:16]}."


def _describe_size(run: Run, findings: Findings) -> str:
    parameters = read_config(run.path).get("network", {}).get("parameters")
    half = findings.patients // 2
    size = "Number of parameters: not known."
    if parameters:
        size = (
            f"{parameters:,} parameters; {half:,} {findings.unit}s in each training set: "
            f"{half / parameters:.2g} {findings.unit}s per parameter."
        )
    seen, unseen = mean_metric(run, "auroc_members"), findings.skill
    if np.isnan(seen) or np.isnan(unseen):
        return f"{size} Performance: not known."
    return (
        f"{size} AUROC {seen:.3f} on {findings.unit}s seen in training, {unseen:.3f} on others: a "
        f"gap of {seen - unseen:.3f}."
    )


def _describe_average(run: Run, findings: Findings) -> str:
    pooled, parts = read_table(run, "pooled"), []
    for attack in ("LiRA", "RMIA"):
        rows = pooled[(pooled["attack"] == attack) & (pooled["variant"] == "online")]
        if not len(rows):
            continue
        row = rows.iloc[0]
        error = 1.96 * row["auc_se_two_way"]
        text = f"{attack}: AUC {row['auc']:.3f} ({row['auc'] - error:.3f} to "
        text += f"{row['auc'] + error:.3f})"
        for fpr in FPRS:
            rate, low, high = (row.get(f"tpr_{kind}_{fpr:g}", np.nan) for kind in KINDS)
            if not np.isnan(rate):
                text += f"; {_percent(rate)} ({_percent(low)} to {_percent(high)}) of members at "
                text += f"{100 * fpr:g}% false alarms"
        parts.append(text)
    auc, low, high = findings.control_auc
    blind = f"Without any model: {findings.control}"
    if not np.isnan(auc):
        blind += f", AUC {auc:.3f} ({low:.3f} to {high:.3f})"
    return f"{'. '.join(parts)}. {blind}. Guessing gives 0.5, 1% and 0.1%."


KINDS = ("at_fpr", "low", "high")


def _describe_persons(run: Run, findings: Findings, case: str) -> str:
    if case == CONTROL:
        return "Not to be said: the control failed."
    risk, total, smallest = findings.risk, findings.patients, findings.smallest
    unit, exposed = findings.unit, int(findings.risk["exposed"])
    text = f"{show_few(exposed, total, smallest)} of {total:,} exposed at a false-discovery rate"
    text += " of 5%"
    if case == FOUND and total - exposed >= smallest:
        ends = (show_limit(risk[f"exposed_{end}"], total, smallest) for end in ("low", "high"))
        text += f" ({' to '.join(ends)}), about {risk['by_chance']:,.0f} by chance, at most "
        text += f"{risk['at_most_false']:,.0f}"
    units = describe_risk(HIGH_AUC, HIGH_AUC).iloc[0]
    right = [units[f"right_0.01_{prior:g}"] for prior in PRIORS]
    priors = ", ".join(f"{prior:.0%}" for prior in PRIORS)
    return (
        f"{text}. If {priors} of those asked about are members, an alarm at 1% false alarms on a "
        f"{unit} with an AUC of {HIGH_AUC} is right in {', '.join(f'{each:.0%}' for each in right)}"
        f" of cases{_describe_alarms(run, findings)}."
    )


def _describe_alarms(run: Run, findings: Findings) -> str:
    worst = _find_worst(run, findings)
    if worst is None:
        return ""
    right = ", ".join(f"{worst[f'right_0.01_{prior:g}']:.0%}" for prior in PRIORS)
    return f"; on the {findings.smallest} most exposed in at least {right}"


def _find_worst(run: Run, findings: Findings):
    """Describe the risk that so many patients as the smallest cell reach; None: too few."""
    patients = read_table(run, "patients")
    reached, lowest = (
        reached_by(patients[name].to_numpy(), findings.smallest)
        for name in ("auc_joint", "auc_joint_low")
    )
    if np.isnan(reached):
        return None
    return describe_risk(reached, lowest).assign(auc=reached, auc_low=lowest).iloc[0]


def _describe_worst(run: Run, findings: Findings, case: str) -> str:
    if case == CONTROL:
        return "Not to be said: the control failed."
    worst = _find_worst(run, findings)
    if worst is None:
        return "Not shown: there are too few."
    shares = " and ".join(
        f"{_percent(worst[f'recognised_{fpr:g}'])} of their memberships at {100 * fpr:g}% false "
        f"alarms (lower end {_percent(worst[f'recognised_{fpr:g}_low'])})"
        for fpr in FPRS
    )
    return (
        f"Each of the {findings.smallest} most exposed {findings.unit}s has an AUC of at least "
        f"{worst['auc']:.2f} (lower end {worst['auc_low']:.2f}; rounded down): an attacker tells "
        f"at least {shares}. A single {findings.unit} is never described. Chosen as the largest of "
        f"{findings.patients:,}, these are flattered by luck."
    )


def _describe_groups(findings: Findings, opening: Opening) -> str | tuple[str, str]:
    if findings.groups is None:
        return "Not applicable: the data have no groups.", NOT_APPLICABLE
    hidden = int(findings.groups["ratio_within"].isna().sum()) if len(findings.groups) else 0
    text = f"{dict(opening.sentences)['Which groups']} Holm-adjusted over all groups looked at."
    return f"{text} Numbers of {hidden} groups are hidden: too small." if hidden else text


def _describe_guarantee(run: Run, findings: Findings, case: str, epsilon: str) -> str:
    claimed = f"Claimed: {epsilon or 'not known; the models were trained elsewhere'}."
    if case == CONTROL:
        return f"{claimed} Measured: nothing, as the control failed."
    terms = read_config(run.path).get("privacy") or None
    proof = describe_refuted(findings.risk, terms, findings.targets, findings.unit)
    proof = f"Refuted: {proof or NO_BOUND}."
    worst = _find_worst(run, findings)
    if worst is None:
        return f"{claimed} {proof}"
    delta, mu = (terms or {}).get("delta") or DELTA, max(worst["mu_low"], 0.0)
    low = convert_to_epsilon(mu, delta)
    return (
        f"{claimed} {proof} Beside it an estimate, which is no bound: the lower ends of the "
        f"{findings.smallest} most exposed {findings.unit}s' intervals stand for a Gaussian mu of "
        f"{mu:.2f} or more, an epsilon of {low:.2g} or more at delta {delta:g}. They were picked "
        "as the largest, over many models."
    )


NO_BOUND = (
    "nothing. The one-run bound takes at least 10 models in pairs, each trained on a random half, "
    "and tables of this version"
)


def _describe_training(run: Run) -> str:
    recipe = run.config.get("recipe")
    if not recipe:
        return "How the models were trained is not known here."
    privacy = "with" if "privacy" in recipe else "without"
    decay = recipe.get("weight_decay")
    decayed = "" if decay is None else f", weight decay {decay:g}"
    return f"In the recipe: {privacy} differential privacy{decayed}."


def _describe_decision(decision: dict | None, statement: Statement) -> str | tuple[str, str]:
    assessment = f"Impact assessment: {statement.say('assessment')}."
    if decision is None:
        text = "Not applicable: no thresholds were stated (--appetite)."
        return f"{text} {assessment}", NOT_APPLICABLE
    appetite = decision["appetite"]
    return f"{assessment} " + (
        f"{decision['outcome'].capitalize()}, by thresholds that {appetite['set_by']} "
        f"({appetite['role']}) set on {appetite['date']}; sha256 {appetite['sha256'][:16]}."
    )


def describe_power(findings: Findings, case: str) -> str:
    """Say what so many models can find, unless that would narrow how many were found."""
    many = "One in twenty of the named may be there by chance; groups are adjusted for their number"
    smallest = findings.risk["smallest_named"]
    if case in (FEW, CONTROL):
        return f"{many}."
    if math.isnan(smallest):
        return (
            f"With {findings.targets} models even an AUC of 0.99 is named with a chance of less "
            f"than 80%. {many}."
        )
    return (
        f"With {findings.targets} models an AUC of {smallest:.2f} is named with a chance of 80%; "
        f"smaller risks escape. {many}."
    )


def _percent(share: float) -> str:
    return f"{share:.2%}" if share < 0.01 else f"{share:.1%}"
