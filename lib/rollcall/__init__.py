"""Rollcall: which patients could be picked out of a medical AI model's training set, and which groups carry that risk."""

__version__ = "0.1.0"
