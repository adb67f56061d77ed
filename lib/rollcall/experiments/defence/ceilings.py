"""The most that any attacker can tell of a model trained with privacy, as an AUC."""

from __future__ import annotations

import math

from rollcall.data.cohort import Cohort
from rollcall.recipes.privacy import Privacy

NOTHING = {"ceiling_record": math.nan, "ceiling_patient": math.nan}


def find_ceilings(private: Privacy | None, cohort: Cohort, records: int) -> dict[str, float]:
    """Return ceiling_record and ceiling_patient: of one record, of a patient with so many.

    The AUC that nobody's membership can be told above, whatever the attack. Of patient-level
    privacy both are the same. Of record-level privacy a patient with k records has k times the
    epsilon (group privacy), and delta (e^(k eps) - 1) / (e^eps - 1) times. NaN without a promise.
    """
    if private is None or math.isinf(private.epsilon):
        return dict(NOTHING)
    from rollcall.stats.accounting import compute_auc_ceiling

    units = len(cohort) if private.unit == "record" else len(cohort.patients)
    delta = private.delta or 1 / units
    one = compute_auc_ceiling(private.epsilon, delta)
    if private.unit == "patient" or records == 1:
        return {"ceiling_record": one, "ceiling_patient": one}
    epsilon = records * private.epsilon
    if epsilon > 700:
        return {"ceiling_record": one, "ceiling_patient": 1.0}
    together = min(1.0, delta * math.expm1(epsilon) / math.expm1(private.epsilon))
    return {"ceiling_record": one, "ceiling_patient": compute_auc_ceiling(epsilon, together)}
