"""Every figure there is: what draws it, from which tables, and the paper's that it answers to."""

from rollcall.report.registry.table import COMPOSED, OF_EXPERIMENT, OF_RUN, OF_RUNS, REGISTRY, Entry

__all__ = ["COMPOSED", "OF_EXPERIMENT", "OF_RUN", "OF_RUNS", "REGISTRY", "Entry"]
