"""A case of a moment."""

from benchmarks.cases import Case
from rollcall import recipes

TINY = Case(
    recipes.Recipe(
        "mlp", epochs=1, batch=16, learning_rate=1e-3, settings={"width": 8, "depth": 1}, stack=2
    ),
    (6,),
    1,
    200,
    steps=3,
)
