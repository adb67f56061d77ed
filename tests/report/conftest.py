from tests.runs.conftest import invent

__all__ = ["invent"]
