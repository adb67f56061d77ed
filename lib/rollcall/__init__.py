"""Rollcall: which patients could be picked out of a medical AI model's training set?"""

from importlib import import_module

__version__ = "0.1.0"

_OFFERED = {  # name: the module that has it
    "Cohort": "rollcall.data.cohort",
    "audit": "rollcall.auditing.estimators",
}


def __getattr__(name: str):
    """Load what the package offers when it is asked for: importing it takes no time."""
    if name in _OFFERED:
        return getattr(import_module(_OFFERED[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
