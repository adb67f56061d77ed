"""Preparing images is set beside a bare loop."""

import pytest

from benchmarks import decode


@pytest.mark.slow
def test_preparing_is_set_beside_a_bare_loop():
    table = decode.table((70, 130), rounds=1, size=16)
    assert table["images"].tolist() == [70, 130]
    assert (table > 0).all(axis=None)
