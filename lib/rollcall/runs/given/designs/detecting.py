"""How training sets that were given were drawn: in pairs, or one by one; or not at random."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rollcall.stats.checks import check_members
from rollcall.stats.design import MIN_OF_A_KIND, estimate_rates, find_few, is_paired
from rollcall.stats.members import check_paired
from rollcall.util.errors import InputError, unknown_name

PAIRS, INDEPENDENT, FIXED_SIZE = "pairs", "independent", "fixed-size"
DESIGNS = (PAIRS, INDEPENDENT, FIXED_SIZE)
NEARLY_PAIRED = 0.75  # of the cells complementary: pairs were meant; drawn one by one at most half
SURE_OF_ONE, SURE_OF_ALL = 7.0, 8.0  # standard errors beyond which sets depend on each other


@dataclass(frozen=True)
class Design:
    """Hold how training sets were drawn.

    kind   one of DESIGNS. rates (M,): share of the patients each was to have; empty of pairs.
    few    bool (P,): patients whom fewer than 3 models had, or fewer than 3 had not
    notes  what a reader should know
    """

    kind: str
    rates: np.ndarray
    few: np.ndarray
    notes: tuple[str, ...] = ()


def choose_design(path: Path, members: np.ndarray, kind: str = "", rates: str = "") -> Design:
    """Find how the training sets in members, bool (M, P), were drawn.

    kind: one of DESIGNS, or "" for pairs where rows 2i and 2i+1 are complementary, else fixed-size
    where all have one size, else independent. rates: of independent draws, one number or one for
    each model, commas between; "" for the shares that they had. InputError, which names the file,
    for pairs that are none, for sets that were not drawn at random each by itself, as folds, nested
    sets or splits by time are, and where fewer than 3 models had, or had not, every patient.
    """
    members = check_members(members, "patients")
    targets, patients = members.shape
    if kind and kind not in DESIGNS:
        raise unknown_name("design", kind, DESIGNS)
    if rates and kind != INDEPENDENT:
        raise InputError(f"rates {rates!r} need --design {INDEPENDENT}: others have none to give")
    if kind in ("", PAIRS) and (kind or is_paired(members) or _is_nearly_paired(members)):
        try:
            check_paired(members)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        return Design(PAIRS, np.empty(0), np.zeros(patients, bool))
    _refuse_far_pairs(path, members)
    refuse_dependent(path, members)
    few = find_few(members)
    if few.all():
        counts = members.sum(0)
        raise InputError(
            f"{path}: no patient is in at least {MIN_OF_A_KIND} and out of at least "
            f"{MIN_OF_A_KIND} of the {targets} training sets (in {counts.min()} to "
            f"{counts.max()}); "
            "expected as many, or complementary pairs: targets 2i and 2i+1"
        )
    size = members.sum(1)
    kind = kind or (FIXED_SIZE if size.min() == size.max() else INDEPENDENT)
    given = _parse_rates(rates, targets) if rates else estimate_rates(members)
    _refuse_other_rates(path, members, given)
    return Design(kind, given, few, _note_design(kind, given, few, bool(rates)))


def _is_nearly_paired(members: np.ndarray) -> bool:
    return len(members) % 2 == 0 and (members[0::2] != members[1::2]).mean() > NEARLY_PAIRED


def _refuse_far_pairs(path: Path, members: np.ndarray) -> None:
    """InputError where each set has its complement, but not beside it."""
    other = find_complements(members)
    if other is not None:
        raise InputError(
            f"{path}: every training set has its complement, but target 0 has it in target "
            f"{other[0]}; expected pairs beside each other, targets 2i and 2i+1"
        )


def find_complements(members: np.ndarray) -> list[int] | None:
    """Return the target whose training set is the complement of each target's; None unless all.

    members: bool (M, P).
    """
    if len(members) % 2 or members.shape[1] < 8:
        return None
    place = {row.tobytes(): number for number, row in enumerate(members)}
    other = [place.get((~row).tobytes(), -1) for row in members]
    return other if len(place) == len(members) and min(other) >= 0 else None


def put_pairs_together(members: np.ndarray) -> np.ndarray:
    """Return an order of the targets, int (M,), with complements beside each other.

    As they are where not every training set has its complement, or all stand beside it.
    """
    other = find_complements(members)
    if other is None or is_paired(members):
        return np.arange(len(members))
    firsts = [number for number, partner in enumerate(other) if number < partner]
    return np.array([each for number in firsts for each in (number, other[number])])


def refuse_dependent(path: Path, members: np.ndarray) -> None:
    """Raise InputError where two training sets share more, or fewer, patients than chance gives.

    Of sets of n and m of P patients, drawn by themselves, the shared number is hypergeometric. What
    patients of unequal rates add is the same for all pairs of sets, and taken off.
    """
    targets, patients = members.shape
    size = members.sum(1).astype(float)
    shared = members.astype(np.float32) @ members.astype(np.float32).T
    expected = np.outer(size, size) / patients
    variance = np.outer(size * (patients - size), size * (patients - size))
    spread = np.sqrt(np.maximum(variance / (patients**2 * max(patients - 1, 1)), 1e-12))
    above = np.triu_indices(targets, 1)
    z = ((shared - expected) / spread)[above]
    z -= np.median(z)
    z = np.where(spread[above] > 1e-3, z, 0)
    total = ((z * z).sum() - len(z)) / np.sqrt(2 * len(z))
    if np.abs(z).max() <= SURE_OF_ONE and total <= SURE_OF_ALL:
        return
    worst = int(np.abs(z).argmax())
    one, two = int(above[0][worst]), int(above[1][worst])
    raise InputError(
        f"{path}: the training sets of targets {one} and {two} share {shared[one, two]:.0f} "
        f"patients, where sets drawn at random share {expected[one, two]:.0f} "
        f"+- {spread[one, two]:.0f}{_guess_why(members[one], members[two])}; expected sets that "
        "were drawn each by itself, or complementary pairs (targets 2i and 2i+1): of others nobody "
        "knows what chance alone would give"
    )


def _guess_why(one: np.ndarray, two: np.ndarray) -> str:
    if not (one & ~two).any() or not (two & ~one).any():
        return " (one lies inside the other: nested sets, or a split by time?)"
    if not (~one & ~two).any() or not (one & two).any():
        return " (folds of a cross-validation?)"
    return " (folds, splits by time, or patients who were always drawn together?)"


def _parse_rates(text: str, targets: int) -> np.ndarray:
    """Return the rates of the targets, (M,); InputError unless numbers between 0 and 1."""
    try:
        rates = np.array([float(part) for part in text.split(",")])
    except ValueError:
        rates = np.array([np.nan])
    if len(rates) not in (1, targets) or not ((rates > 0) & (rates < 1)).all():
        raise InputError(
            f"rates {text!r:.80}: expected one number between 0 and 1, or {targets} with commas "
            "between: the share of the patients that each model was to be trained on"
        )
    return np.broadcast_to(rates, targets).copy()


def _refuse_other_rates(path: Path, members: np.ndarray, rates: np.ndarray) -> None:
    """InputError where a target had far more patients than its rate gives, or fewer."""
    patients = members.shape[1]
    z = (members.sum(1) - patients * rates) / np.sqrt(patients * rates * (1 - rates))
    worst = int(np.abs(z).argmax())
    if np.abs(z[worst]) > SURE_OF_ONE:
        raise InputError(
            f"{path}: target {worst} had {members[worst].mean():.0%} of the patients, and its rate "
            f"is {rates[worst]:.0%}; expected the share that each was to have, in the order of the "
            "targets"
        )


def _note_design(kind: str, rates: np.ndarray, few: np.ndarray, given: bool) -> tuple[str, ...]:
    low, high = rates.min(), rates.max()
    share = f"{low:.0%}" if high - low < 0.005 else f"{low:.0%} to {high:.0%}"
    drawn = "all of one size" if kind == FIXED_SIZE else "drawn patient by patient"
    notes = [
        f"training sets come one by one ({drawn}), not in complementary pairs: each has {share} of "
        f"the patients ({'as was given' if given else 'counted'}); chance is what redrawn sets give"
    ]
    if few.any():
        notes.append(
            f"{few.sum():,} of {len(few):,} patients are left out: fewer than {MIN_OF_A_KIND} "
            f"models had them, or fewer than {MIN_OF_A_KIND} had not"
        )
    return tuple(notes)
