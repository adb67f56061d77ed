"""An audit of our training with privacy: does a target keep what its terms promise?

Patients who are canaries are put into the training of one target, or not, by a fair coin each
(`canaries`: the worst there are for the mechanism, put beside real ones). Whoever sees the noisy
sums guesses who was in; `claims` says which noise the guesses refute, and so the largest epsilon
that this one run proves; `repeats` does it again and again.
"""

from rollcall.experiments.private.canaries import Canaries, insert_canaries, watch_training
from rollcall.experiments.private.claims import Claims, Proof, make_claims
from rollcall.experiments.private.repeats import Plan, plan_guesses, prove

__all__ = [
    "Canaries",
    "Claims",
    "Plan",
    "Proof",
    "insert_canaries",
    "make_claims",
    "plan_guesses",
    "prove",
    "watch_training",
]
