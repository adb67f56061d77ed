"""Rollcall: which patients could be picked out of a medical AI model's training set?"""

__version__ = "0.1.0"
