"""A published model and a few references: whom it exposes, against an audit and in two designs.

    study = open_models.attack_open_model(cohort="simulated")
    study.show("few_references")

Without a published model one is trained here and stands for it: on half of the patients of one
hospital, with references from elsewhere, and a full audit of the same patients to hold it against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall import auditing
from rollcall.data.cohort import Cohort
from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.experiments.open_models import designs, ranking
from rollcall.experiments.open_models.hospitals import draw_places, drop_hospital
from rollcall.experiments.open_models.published import parse_published, score_published
from rollcall.experiments.open_models.rehearsal import Rehearsal, rehearse
from rollcall.experiments.open_models.result import RANKINGS, OpenModels
from rollcall.experiments.release.assess import Release
from rollcall.experiments.release.outputs import read_flags
from rollcall.experiments.release.references import check_on_cohort
from rollcall.recipes import Recipe
from rollcall.util.errors import InputError
from rollcall.util.files import home
from rollcall.util.progress import bar
from rollcall.util.settings import typed

COUNTS = (1, 2, 4)  # references
HAD, NEVER = "had the members", "never saw them"
PARTS = 100  # of the work, as a progress bar shows it


@typed
def attack_open_model(
    *,
    cohort: str = "simulated",
    published: Sequence[str] = (),
    members: str = "",
    hospital: str = "",
    targets: int = 32,
    draws: int = 20,
    model: str = "",
    root: str = "",
    out: str = "",
    data: str = "",
    seed: int = 0,
    options: Sequence[str] = (),
    recipe: Sequence[str] = (),
    smallest_cell: int = MIN_GROUP_SIZE,
) -> OpenModels:
    """Attack one model that exists, or one that stands for it, with one to four references.

    published  NAME=FILE each: the model that is attacked, then 1 to 4 references that never saw
               the patients; members: a csv, patient_id and 0 or 1. None: all are trained here
    hospital   as draw_places has it; targets, draws: of the full audit and of repeated controls
               (nothing of a published model: its training is not known here)

    All others as auditing.plan has them. InputError for what does not go together.
    """
    loaded, chosen = _open(cohort, model, root, data, options, recipe)
    folder = Path(out or home() / "results") / loaded.name / "figures"
    if published:
        return _attack_published(loaded, chosen, published, members, folder, seed, smallest_cell)
    if members:
        raise InputError("members is of a published model; expected `published` too")
    with bar(PARTS, "Training and attacking", "part", "Trained and attacked") as show:
        return attack_rehearsed(
            *(loaded, chosen, hospital, targets, draws, folder, seed, smallest_cell),
            lambda done: show(PARTS * done),
        )


def _open(cohort, model, root, data, options, recipe) -> tuple[Cohort, Recipe]:
    chosen, choices = auditing.check_plan(
        cohort=cohort, model=model, root=root, options=options, recipe=recipe
    )
    return auditing.load_cohort(cohort, root, data, **(chosen.cohort | choices)), chosen


def _attack_published(cohort, recipe, published, members, folder, seed, smallest) -> OpenModels:
    if not members:
        raise InputError(
            "members is missing; expected a csv, patient_id and a column of 0 and 1: who was in "
            "the training set of the published model, and outsiders of the same source"
        )
    flags = read_flags(Path(members), cohort)
    target, *references = map(parse_published, published)
    shared = score_published(target, references, cohort, recipe)
    checks = {}
    for count in sorted({min(each, len(references)) for each in COUNTS}):
        nobody = np.zeros((count, len(flags)), bool)
        checks[count] = check_on_cohort(
            shared.scores[0],
            shared.scores[1 : 1 + count],
            nobody,
            flags,
            cohort,
            smallest_cell=smallest,
            seed=seed,
        )
    nothing = pd.DataFrame()
    return OpenModels(
        checks, nothing, None, None, np.nan, 0, nothing, nothing, shared.labels, folder, smallest
    )


def attack_rehearsed(
    cohort: Cohort,
    recipe: Recipe,
    hospital: str = "",
    targets: int = 32,
    draws: int = 20,
    folder: Path = Path(),
    seed: int = 0,
    smallest: int = MIN_GROUP_SIZE,
    progress: Callable[[float], None] = lambda fraction: None,
) -> OpenModels:
    """Train a model that stands for a published one, attack it, and hold it against an audit."""
    moved, places = draw_places(cohort, hospital, seed)
    trained = rehearse(moved, recipe, places, targets, seed, lambda done: progress(0.8 * done))
    known = drop_hospital(moved, hospital)
    outsiders = designs.list_outsiders(trained.members, places)[designs.SAME]
    checks = {
        count: designs.check_design(
            trained.released, trained.references[:count], known, trained.members, outsiders, seed
        )
        for count in COUNTS
    }
    taken = trained.members | outsiders
    both = designs.compare_designs(
        {HAD: trained.released, NEVER: trained.never},
        trained.references,
        known,
        trained.members,
        places,
        seed,
    )
    controls = designs.repeat_control(trained.references, known, places, draws, seed)
    progress(1.0)
    return OpenModels(
        checks,
        compare_with_audit(checks, trained, taken, seed),
        trained.exposure[taken],
        trained.exposed[taken],
        ranking.find_ceiling(trained.halves[:, taken]),
        targets,
        both,
        controls,
        cohort.classes,
        folder,
        smallest,
    )


def compare_with_audit(
    checks: dict[int, Release], trained: Rehearsal, taken: np.ndarray, seed: int
) -> pd.DataFrame:
    """Hold each ranking of each check against the audit: the table `ranking`."""
    exposure, exposed = trained.exposure[taken], trained.exposed[taken]
    rows = []
    for count, release in checks.items():
        inside = release.patients["member"].to_numpy(bool)
        for name in RANKINGS:
            values = release.patients[name].to_numpy()
            rows.append(
                {"references": count, "ranking": name}
                | ranking.compare_rankings(values[inside], exposure[inside], exposed[inside], seed)
                | {"whole": ranking.correlate_ranks(values, exposure)}
            )
    return pd.DataFrame(rows)
