"""Figures: each function draws one, with its alternative text and its caption."""
