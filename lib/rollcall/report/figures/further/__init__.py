"""Figures that look closer: definitions of risk, overlaps, single curves, every threshold."""
