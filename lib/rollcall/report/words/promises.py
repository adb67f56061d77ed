"""The strongest patient-level epsilon that a run's training honestly has, and what refutes less."""

from __future__ import annotations

import math
from collections.abc import Mapping

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


def describe_refuted(
    risk: Mapping[str, float], terms: dict | None, targets: int, unit: str = "patient"
) -> str:
    """Say which epsilon the models refute: which bound, how sure, of which models and guesses.

    risk: the row of the table `risk`; "" where it has no bound. terms: as describe_strongest.
    """
    from rollcall.stats.accounting.halves import FIRST
    from rollcall.stats.accounting.one_run import CONFIDENCE

    epsilon = risk.get("refuted", math.nan)
    if math.isnan(epsilon):
        return ""
    counts = (risk[f"refuted_{name}"] for name in ("targets", "guesses", "canaries"))
    guessed, guesses, canaries = (f"{round(count):,}" for count in counts)
    method = (
        f"one-run bound of Steinke, Nasr and Jagielski 2023, {CONFIDENCE:.0%} confidence, from "
        f"{guessed} of the {targets} models: one of each pair, but the first {FIRST} pairs, which "
        f"are references. Guessed was which of two {unit}s a model had been trained on: {guesses} "
        f"guesses, the surest of {canaries} couples"
    )
    delta = risk["refuted_delta"]
    if not epsilon:
        return f"none: guesses were too seldom right for a bound at delta {delta:.2g} ({method})"
    return (
        f"every epsilon below {epsilon:.2f} at delta {delta:.2g}, of one {unit} added or removed "
        f"({method}). A bound from below: the true epsilon is that or more"
        f"{_compare(epsilon, terms)}"
    )


def _compare(refuted: float, terms: dict | None) -> str:
    """Set the epsilon that is refuted beside the one that a patient was promised, if any."""
    if terms is None or terms["unit"] != "patient" or terms["promised"] == "inf":
        return ""
    if refuted <= terms["promised"]:
        return f"; the {terms['promised']:.3g} that is promised is not refuted"
    return (
        f". MORE than the {terms['promised']:.3g} that is promised: the promise is not kept, or "
        "the training sets were not drawn by lot"
    )


def round_up(count: int) -> int:
    """Round a number up to 1, 2, 3 or 5 times a power of ten."""
    power = 1
    while count > 10 * power:
        power *= 10
    return next(step * power for step in (*ROUND, 10) if step * power >= count)


def _judge(epsilon: float) -> str:
    return ": so large that it keeps nobody from being told" if epsilon >= VACUOUS else ""
