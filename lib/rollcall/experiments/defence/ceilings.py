"""The most that any attacker can tell of a model trained with privacy, as an AUC."""

from __future__ import annotations

import math

from rollcall.runs.run import Run, open_run

TERMS = "privacy"  # in run.json, what rollcall.training.private promises


def find_ceilings(run: Run, records: int) -> dict[str, float]:
    """Return ceiling_record and ceiling_patient: of one record, of a patient with so many.

    The AUC that nobody's membership can be told above, whatever the attack, by the accountant's
    privacy losses of the noise, rate and steps that run.json has (rollcall.stats.accounting). Of
    patient-level privacy both are the same. NaN without a promise.
    """
    terms = open_run(run.path).config.get(TERMS)
    if not terms or not terms["noise_multiplier"]:
        return {"ceiling_record": math.nan, "ceiling_patient": math.nan}
    from rollcall.stats.accounting import compute_auc_ceiling

    mechanism = terms["noise_multiplier"], terms["rate"], terms["steps"]
    one = compute_auc_ceiling(*mechanism)
    if terms["unit"] == "patient" or records == 1:
        return {"ceiling_record": one, "ceiling_patient": one}
    return {"ceiling_record": one, "ceiling_patient": compute_auc_ceiling(*mechanism, records)}
