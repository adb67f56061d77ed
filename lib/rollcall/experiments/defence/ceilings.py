"""What a run's training promises, and the most that any attacker can tell of it, as an AUC."""

from __future__ import annotations

import math

from rollcall.runs.run import Run, open_run

TERMS = "privacy"  # in run.json, what rollcall.training.private promises
NUMBERS = ("promised", "promised_together", "delta", "tried")  # of them


def find_promise(run: Run, records: int) -> dict[str, float]:
    """Return what run.json promises, and the ceilings of one record and of a patient with so many.

    promised, promised_together (epsilon of one training, and of all that were tried), delta, tried;
    ceiling_record, ceiling_patient: the AUC that nobody's membership can be told above, whatever
    the attack, by the accountant's privacy losses of the noise, rate and steps of the run
    (rollcall.stats.accounting). Of patient-level privacy both are the same. NaN without a promise.
    """
    terms = open_run(run.path).config.get(TERMS)
    if not terms or not terms["noise_multiplier"]:
        return dict.fromkeys((*NUMBERS, "ceiling_record", "ceiling_patient"), math.nan)
    from rollcall.stats.accounting import compute_auc_ceiling

    mechanism = terms["noise_multiplier"], terms["rate"], terms["steps"]
    one = compute_auc_ceiling(*mechanism)
    patient = one
    if terms["unit"] == "record" and records > 1:
        patient = compute_auc_ceiling(*mechanism, records)
    numbers = {name: float(terms[name]) for name in NUMBERS}
    return {**numbers, "ceiling_record": one, "ceiling_patient": patient}
