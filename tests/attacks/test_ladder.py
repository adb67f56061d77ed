import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rollcall.attacks.ladder import count_at_most


@given(
    seed=st.integers(0, 2**32),
    size=st.integers(2, 60),
    kind=st.sampled_from(["normal", "tied", "heavy", "constant"]),
)
def test_count_is_a_search(seed, size, kind):
    rng = np.random.default_rng(seed)
    draw_of = {
        "normal": lambda n: rng.standard_normal(n),
        "tied": lambda n: rng.integers(0, 4, n),
        "constant": lambda n: np.full(n, 0.7),
        "heavy": lambda n: np.minimum(np.exp(30 * rng.standard_normal(n)), 1e30),
    }[kind]
    ladder, values = np.sort(draw_of(size).astype(np.float32)), draw_of(200).astype(np.float32)
    values[:size] = ladder  # and neighbours of what is on the ladder
    values[size : 2 * size] = np.nextafter(ladder, np.float32(-np.inf))
    expected = [sum(step <= value for step in ladder.tolist()) for value in values.tolist()]
    assert count_at_most(ladder, values).tolist() == expected
