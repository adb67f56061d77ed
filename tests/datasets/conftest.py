import pytest

from rollcall.data import decode
from tests.datasets.quick import Threads


@pytest.fixture(scope="module")
def threads():
    """Decode files by threads: processes take seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode.futures, "ProcessPoolExecutor", Threads)
        yield
