"""Figures of the experiments: capacity, defences, open models, budgets, later records."""
