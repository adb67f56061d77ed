"""Experiments that take several audits: each compares runs of one dataset."""
