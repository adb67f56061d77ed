"""Two hospitals of one cohort: by an attribute of its patients, or invented ones.

One hospital's patients are audited; the other's are outsiders in the design that confounds; the
references are trained on third ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rollcall.data.cohort import Cohort
from rollcall.data.groups import patient_attributes
from rollcall.util.errors import InputError, unknown_name

SHARES = (0.5, 0.2)  # of the patients: in the first hospital, in the other; the rest elsewhere
AUDITED = 2 / 3  # of the first hospital's; the rest trains a model that never saw these
LEAST = 60  # patients of each
GAIN, OFFSET = (1.0, 0.85, 0.92), (0.0, 0.10, 0.05)  # of each place's films, in their whole range
DRIFT = 0.25  # standard deviations by which each place's features lie off


class Places(NamedTuple):
    """Hold where patients are, bool (P,) each, none in two.

    audited: of the first hospital, half of whom the model had; aside: of the first hospital, for a
    model that had none of the audited; other: of the other hospital; elsewhere: for references.
    """

    audited: np.ndarray
    aside: np.ndarray
    other: np.ndarray
    elsewhere: np.ndarray


def draw_places(cohort: Cohort, hospital: str = "", seed: int = 0) -> tuple[Cohort, Places]:
    """Put patients into hospitals; return the cohort as these would have made it, and the places.

    hospital: "ATTRIBUTE:A:B", patients with value A in the first hospital, with B in the other, all
    others elsewhere, and the cohort as it is; "": by lot, and records of the other hospital and of
    elsewhere are darker and flatter (images, signals) or lie off by a quarter of a standard
    deviation (features). InputError for an attribute or value that is not there, or few patients.
    """
    rng, patients = np.random.default_rng([seed, 17]), len(cohort.patients)
    code = _read_hospital(cohort, hospital) if hospital else _draw(patients, rng)
    first = rng.permutation(np.flatnonzero(code == 0))
    audited, aside = np.zeros((2, patients), bool)
    cut = round(AUDITED * len(first) / 2) * 2
    audited[first[:cut]], aside[first[cut:]] = True, True
    places = Places(audited, aside, code == 1, code == 2)
    names = ("in the first hospital", "set aside there", "in the other hospital", "elsewhere")
    for name, place in zip(names, places, strict=True):
        if place.sum() < LEAST:
            raise InputError(
                f"{place.sum()} patients {name} (hospital {hospital!r}); expected at least {LEAST}"
            )
    if hospital:
        return cohort, places
    return replace(cohort, inputs=shift_inputs(cohort, code), test=None), places


def _draw(patients: int, rng: np.random.Generator) -> np.ndarray:
    edges = np.cumsum(SHARES) * patients
    return np.searchsorted(edges, rng.permutation(patients), side="right")


def _read_hospital(cohort: Cohort, hospital: str) -> np.ndarray:
    attribute, _, values = hospital.partition(":")
    first, _, other = values.partition(":")
    if attribute not in cohort.attributes or not (first and other) or first == other:
        if attribute not in cohort.attributes and values:
            raise unknown_name("attribute", attribute, cohort.attributes, f"of {cohort.name!r}")
        raise InputError(
            f"hospital {hospital!r}: expected ATTRIBUTE:FIRST:OTHER, such as payer:Medicare:Private"
        )
    column = patient_attributes(cohort)[attribute].astype("str").to_numpy()
    for value in (first, other):
        if value not in column:
            raise unknown_name("value", value, sorted(set(column)), f"of attribute {attribute!r}")
    return np.where(column == first, 0, np.where(column == other, 1, 2))


def shift_inputs(cohort: Cohort, code: np.ndarray) -> np.ndarray:
    """Return inputs as each patient's place makes them; code int (P,): 0, 1 or 2."""
    inputs, place = np.asarray(cohort.inputs), code[cohort.patient_index]
    shape = (-1, *(1,) * (inputs.ndim - 1))
    gain, offset = (np.take(values, place).reshape(shape) for values in (GAIN, OFFSET))
    if inputs.dtype == np.uint8:
        return np.clip(inputs * gain + 255 * offset, 0, 255).astype(np.uint8)
    if inputs.ndim > 2:
        return (inputs * gain).astype(inputs.dtype)
    many = np.array([len(np.unique(column[:1000])) > 2 for column in inputs.T])
    sign = np.random.default_rng(23).choice([-1.0, 1.0], (3, inputs.shape[1])) * many
    sign[0] = 0
    return (inputs + DRIFT * sign[place] * inputs.std(0)).astype(inputs.dtype)


def drop_hospital(cohort: Cohort, hospital: str) -> Cohort:
    """Return the cohort without what names the hospital, for the blind control.

    The attribute, and features that are called after it: the control must not be handed the answer.
    """
    attribute = hospital.partition(":")[0]
    if not attribute:
        return cohort
    kept = tuple(each for each in cohort.attributes if each != attribute)
    if cohort.inputs.ndim != 2 or not cohort.features:
        return replace(cohort, attributes=kept)
    columns = [not name.startswith(attribute) for name in cohort.features]
    return replace(
        cohort,
        attributes=kept,
        inputs=np.asarray(cohort.inputs)[:, columns],
        features=tuple(np.array(cohort.features, object)[columns]),
    )
