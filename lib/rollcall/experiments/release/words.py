"""What a release check says, in sentences and as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.experiments.release.assess import Release
from rollcall.report.appetite import Verdict, describe_verdict, list_lines, show_verdict
from rollcall.report.gate import show_few
from rollcall.report.words.facts import choose_notice
from rollcall.report.words.one_model import OneModel
from rollcall.report.words.statement import Statement
from rollcall.runs.environment import now
from rollcall.runs.folder import hide_from_git
from rollcall.util.errors import InputError
from rollcall.util.files import make_private, sha256, write_bytes, write_json, write_table

TWIN, NOTE, PAGE = "release.json", "release.md", "report.html"
PATIENTS, GROUPS = "patients.parquet", "groups.parquet"
FEW = (
    "{count} that never saw the patients: it is known how hard a record is, not how far models "
    "that know it lie above, and chance is what outsiders with records as hard show."
)
ONE = "One reference: its luck is part of every score, and others would name others."
BELOW = (
    "Members score lower than outsiders: is the list of members the wrong way round, or are these "
    "of another source?"
)
TOO_FEW = "With {outsiders:,} outsiders nobody can be named, whatever the model gives away."
UNLIKE = 0.3  # a correlation below it is worth a word
LIMITS = (
    "Named means: this model treats the patient as models do that were trained with the patient, "
    "more than it treats all but a few outsiders so.",
    "Not named does not mean safe: with few outsiders, or other attacks, more may be told.",
    "What holds for this model holds for no other trained on the same patients: see the audit.",
)


def write_sentences(release: Release, smallest: int = MIN_GROUP_SIZE) -> list[str]:
    """Write the sentences that matter, no number of patients in them but 0 under `smallest`."""
    control = release.control
    blind = (
        f"Without the model: AUC {control.auc:.3f} (95% interval {control.low:.3f} to "
        f"{control.high:.3f}, p = {control.p:.3f}), {count(release.blind_named, smallest)} named"
    )
    average = (
        f"The model's scores tell members from outsiders with an AUC of {release.auc:.3f} "
        f"({release.auc_low:.3f} to {release.auc_high:.3f}), where 0.5 is guessing. {blind}."
    )
    notes = [BELOW] if release.auc_high < 0.5 else []
    if release.unseen:
        ends = "reference" if release.references == 1 else "references"
        notes.append(FEW.format(count=f"{release.references} {ends}"))
        notes += [ONE] if release.references == 1 else []
    if release.reason:
        return [release.reason[0].upper() + release.reason[1:] + ".", average, *notes]
    named = (
        f"{count(release.named, smallest)} of {release.members:,} members are exposed by this "
        f"model, at a false discovery rate of {release.fdr:.0%}; of {release.outsiders:,} "
        f"outsiders {count(release.outsiders_above, smallest)} score as high."
    )
    power = (
        f"With {release.outsiders:,} outsiders nobody is named unless about {release.fewest:,} "
        "members score above all of them."
    )
    traced = (
        f"Of at least {max(release.traced_low, 0):.0%} of the members the model has kept something "
        f"(95% confidence; estimate {release.traced:.0%})."
    )
    unlike = (
        f"The model's scores have little in common with the references' (correlation "
        f"{release.correlation:.2f}): a model of another kind, of which they say little."
    )
    groups = release.groups
    clear = groups[groups["may_show"] & (groups["p_adjusted"] < 0.05) & (groups["ratio"] > 1)]
    lines = [
        f"Members with {row.attribute} {row.group!r} are exposed {row.ratio:.1f} times (95% "
        f"interval {row.ratio_low:.1f} to {row.ratio_high:.1f}) as often as all others with the "
        f"same label (Holm-adjusted p = {row.p_adjusted:.2g}); without the model "
        f"{count(row.blind_named, smallest)} named."
        for row in clear.itertuples()
    ]
    if release.correlation < UNLIKE:
        notes.append(unlike)
    return [named, power, *notes, average, traced, *lines]


def count(number: int, smallest: int = MIN_GROUP_SIZE) -> str:
    """Write a number of patients, or that it is too small to be shown."""
    return show_few(number, np.inf, smallest)


def check_release_folder(folder: Path) -> None:
    """InputError if a folder holds anything but an earlier release check."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; expected a folder to write to")
    if folder.exists() and any(folder.iterdir()) and not (folder / TWIN).exists():
        raise InputError(
            f"{folder}: holds something else than a release check; choose another --name or --out"
        )


def write_release(
    folder: Path,
    release: Release,
    cohort: Cohort,
    about: dict,
    smallest: int = MIN_GROUP_SIZE,
    verdict: Verdict | None = None,
    statement: Statement | None = None,
    words: Sequence[str] = (),
) -> list[str]:
    """Write a release check to a folder, private and ignored by git; return its sentences.

    patients.parquet and groups.parquet name patients, or count few, and stay; report.html,
    report.json, release.json and release.md may leave. about: what else the json says, the sha256
    of the model too; verdict: by thresholds, said first; statement: what people stated; words: of
    the command line.
    """
    check_release_folder(folder)
    make_private(folder)
    hide_from_git(folder)
    sentences = write_sentences(release, smallest)
    patients = release.patients.copy()
    patients.insert(0, "patient_id", np.asarray(cohort.patients, dtype=str))
    write_table(folder / PATIENTS, patients)
    write_table(folder / GROUPS, release.groups)
    shown = release.groups[release.groups["may_show"]].assign(
        blind_named=lambda rows: [count(number, smallest) for number in rows["blind_named"]]
    )
    shown = shown.drop(columns=["may_show", "outsiders", "outsiders_above"])
    page = [
        f"# Release check of {cohort.name}",
        *([] if verdict is None else _list_decision(verdict)),
        *sentences,
        *_write_group_table(shown),
        "What this does not say:",
        *LIMITS,
    ]
    write_bytes(folder / NOTE, ("\n\n".join(page) + "\n").encode())
    control = release.control
    twin = {
        "made": now(),
        **about,
        "fdr": release.fdr,
        "smallest_cell": smallest,
        "members": release.members,
        "outsiders": release.outsiders,
        "references": release.references,
        "named": count(release.named, smallest),
        "outsiders_as_high": count(release.outsiders_above, smallest),
        "fewest_that_could_be_named": release.fewest,
        "auc": [release.auc, release.auc_low, release.auc_high],
        "traced": [release.traced, release.traced_low],
        "blind": {
            "auc": [control.auc, control.low, control.high],
            "p": control.p,
            "flagged": control.flagged,
            "named": count(release.blind_named, smallest),
        },
        "reason": release.reason,
        "decision": None if verdict is None else describe_verdict(verdict),
        "groups": _without_nan(shown.to_dict("records")),
        "sentences": sentences,
    }
    write_json(folder / TWIN, twin)
    stated = smallest, verdict, statement, words
    _write_page(folder, release, cohort, about, sentences, shown, *stated)
    return sentences


def _write_page(
    folder: Path,
    release: Release,
    cohort: Cohort,
    about: dict,
    sentences: list[str],
    shown: pd.DataFrame,
    smallest: int,
    verdict: Verdict | None,
    statement: Statement | None,
    words: Sequence[str],
) -> None:
    """Write the report: the same frame as that of an audit."""
    from rollcall.report.page import write_page
    from rollcall.report.page.document import RELEASED
    from rollcall.report.page.one_model import gather_one_model

    groups = [line for line in sentences if line.startswith("Members with ")]
    reason = release.reason and f"{release.reason[0].upper()}{release.reason[1:]}."
    few = release.fewest > release.members
    model = OneModel(
        unit=cohort.unit,
        asked=release.members,
        who="members",
        outsiders=release.outsiders,
        references=release.references,
        named=release.named,
        auc=release.auc,
        auc_low=release.auc_low,
        auc_high=release.auc_high,
        reason=reason or (TOO_FEW.format(outsiders=release.outsiders) if few else ""),
        control_failed=bool(release.reason),
        fdr=release.fdr,
        groups=groups[0] if groups else "No group stands out beyond chance.",
        smallest=smallest,
    )
    document = gather_one_model(
        model,
        kind=RELEASED,
        title=f"Release check: {cohort.name}",
        data=f"{cohort.name}: {cohort.source}",
        digest=about.get("sha256", ""),
        summary=[*sentences, *LIMITS],
        facts={
            "Cohort": f"{cohort.name}. {cohort.source}",
            "Cohort fingerprint": cohort.fingerprint[:16],
            "Model": str(about.get("model", "given")),
            "References": f"{release.references}",
            "False-discovery rate": f"{release.fdr:g}",
        },
        hashes={name: sha256(folder / name) for name in (PATIENTS, GROUPS, TWIN)},
        statement=statement,
        words=words,
        notice=choose_notice(cohort),
        decision=show_verdict(verdict),
    )
    write_page(folder / PAGE, document, sections=_show_groups(shown, cohort.unit))


def _show_groups(shown: pd.DataFrame, unit: str) -> list[tuple[str, str]]:
    """Return the groups that may be shown as a section of the page, heading and HTML; none: []."""
    from rollcall.report.tables.showing import Table, show_table
    from rollcall.report.tables.showing.formats import format_interval

    if not len(shown):
        return []
    rows = pd.DataFrame(
        {
            "group": shown["attribute"] + ": " + shown["group"].astype(str),
            "members": shown["members"].map("{:,}".format),
            "exposed": shown["named"].map("{:,}".format),
            "share": [
                format_interval(*ends, "{:.1%}")
                for ends in shown[["share", "share_low", "share_high"]].to_numpy(float)
            ],
            "times others, same label": [
                format_interval(*ends, "{:.2f}")
                for ends in shown[["ratio", "ratio_low", "ratio_high"]].to_numpy(float)
            ],
            "adjusted p": shown["p_adjusted"].map("{:.2g}".format),
            "without the model": shown["blind_named"],
        }
    )
    caption = f"Members of each group whom the model exposes, with 95% intervals; groups of {unit}s"
    table = show_table(Table(rows, f"{caption} that may be shown")).data
    heading = "Which groups does it expose?"
    return [(heading, f'<section id="groups">\n<h2>{heading}</h2>\n{table}\n</section>')]


def _list_decision(verdict: Verdict) -> list[str]:
    """List the verdict, and a line for each threshold, in one block of markdown each."""
    first, *criteria = list_lines(verdict)
    return [f"**{first}**", "\n".join(f"- {line}" for line in criteria)]


def _write_group_table(groups) -> list[str]:
    """Write the groups that may be shown as a table of markdown, in one block."""
    if not len(groups):
        return []
    rows = [
        "| group | members | exposed | share (95%) | times others, same label (95%) | adjusted p | "
        "without the model |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in groups.itertuples():
        rows.append(
            f"| {row.attribute} {row.group} | {row.members:,} | {row.named:,} | {row.share:.1%} "
            f"({row.share_low:.1%} to {row.share_high:.1%}) | {row.ratio:.2f} ({row.ratio_low:.2f} "
            f"to {row.ratio_high:.2f}) | {row.p_adjusted:.2g} | {row.blind_named} |"
        )
    return ["\n".join(rows)]


def _without_nan(rows: list[dict]) -> list[dict]:
    """Return rows as json can hold them: a number that is none is null."""
    return [
        {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in row.items()
        }
        for row in rows
    ]
