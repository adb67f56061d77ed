"""The strongest patient-level epsilon that a run's training honestly has, in words."""

from __future__ import annotations

import math

NOTHING = "none: trained without differential privacy, there is no formal guarantee"
VACUOUS = 20.0  # an epsilon from which on e^epsilon is beyond any odds that anybody needs
ROUND = (1, 2, 3, 5)  # times powers of ten: numbers of records, so that nobody's own is shown


def describe_strongest(terms: dict | None, records: int, unit: str = "patient") -> str:
    """Say what one patient is promised, with all records, by each target: a few seconds.

    terms: of run.json, None without privacy. records: of the patient with most; the promise is said
    of so many rounded up, from the losses of all of them together where the terms are of records,
    since a step draws each by itself. unit: what stands for a patient.
    """
    if terms is None:
        return NOTHING
    if terms["promised"] == "inf":
        return f"none: {terms['unit']}s are clipped, and there is no noise"
    tried, delta = terms["tried"], terms["delta"]
    of_all = f", of all {tried} settings that were tried together" if tried > 1 else ""
    if terms["unit"] == "patient":
        epsilon = terms["promised_together"] if tried > 1 else terms["promised"]
        return f"epsilon {epsilon:.3g} at delta {delta:.2g}{of_all}{_judge(epsilon)}"
    from rollcall.stats.accounting import compute_epsilon

    most = round_up(records)
    mechanism = terms["noise_multiplier"], delta, terms["rate"], terms["steps"] * tried
    epsilon = compute_epsilon(*mechanism, records=most)
    of_whom = f"of a {unit} with up to {most:,} record{'s' if most > 1 else ''}"
    if epsilon == math.inf:
        return f"none {of_whom}: the promise is to single records"
    return f"epsilon {epsilon:.3g} at delta {delta:.2g} {of_whom}{of_all}{_judge(epsilon)}"


def round_up(count: int) -> int:
    """Round a number up to 1, 2, 3 or 5 times a power of ten."""
    power = 1
    while count > 10 * power:
        power *= 10
    return next(step * power for step in (*ROUND, 10) if step * power >= count)


def _judge(epsilon: float) -> str:
    return ": so large that it keeps nobody from being told" if epsilon >= VACUOUS else ""
