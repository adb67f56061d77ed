"""`python -m tests.report.gate.many 1000`: the reader who subtracts, on many random cohorts."""

import sys
import time

from rollcall.report.gate import protect
from tests.report.gate.adversary import attack
from tests.report.gate.cohorts import make_cohort


def main(first: int, last: int) -> int:
    """Print each cohort that gives a count away, and how much was shown in all."""
    bad, shown, cells, seconds = 0, 0, 0, 0.0
    for seed in range(first, last):
        attributes, flags, smallest, crossed = make_cohort(seed)
        start = time.perf_counter()
        table = protect(attributes, flags, smallest, crossed)
        seconds += time.perf_counter() - start
        counts = table[["patients", *flags]]
        shown, cells = shown + int(counts.notna().sum().sum()), cells + counts.size
        if given_away := attack(table, attributes, flags, smallest, crossed):
            bad += 1
            print(seed, len(attributes), given_away[:3], flush=True)
    print(
        f"{last - first} cohorts: {bad} give something away; {shown / cells:.0%} of cells shown; "
        f"{seconds:.0f} s in the gate"
    )
    return bad


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(
        bool(main(*numbers) if len(numbers) == 2 else main(0, numbers[0] if numbers else 1000))
    )
