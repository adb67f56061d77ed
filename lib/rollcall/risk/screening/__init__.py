"""Few models first: who is worth a closer look, and how many models a closer look takes.

`ranking` orders patients by what 8 targets foretell of them, `confirming` names the exposed among
those who were picked so, and `stopping` says when enough targets are trained. `leverage` is how
far records pull the last layer. docs/budget.md has the derivations and what was measured.
"""
