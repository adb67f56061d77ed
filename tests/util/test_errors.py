import pytest
from IPython.core.interactiveshell import InteractiveShell

from rollcall.util.errors import InputError, first_line, unknown_name
from rollcall.util.faults import MachineError


def test_a_name_that_is_near_another_gets_a_hint():
    error = unknown_name("cohort", "simulatd", ("simulated", "chexpert"))
    assert isinstance(error, InputError)
    assert str(error) == (
        "unknown cohort 'simulatd'; did you mean 'simulated'? (known: chexpert, simulated)"
    )


def test_a_name_that_is_near_none_gets_the_list():
    assert str(unknown_name("model", "q", ("mlp",))) == "unknown model 'q' (known: mlp)"


def test_the_first_line_of_an_error():
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError("")) == "ValueError"
    assert first_line(ValueError("x" * 300)) == "x" * 200
    assert first_line(InputError("x" * 300)) == "x" * 300


@pytest.mark.parametrize("kind", [InputError, MachineError])
def test_a_notebook_shows_one_line(kind, monkeypatch):
    """As IPython's shell, which asks an error for the lines of its traceback."""
    shell, shown = InteractiveShell(history_manager=None), []
    monkeypatch.setattr(shell, "_showtraceback", lambda kind, value, lines: shown.extend(lines))
    try:
        raise kind("no such")
    except kind:
        shell.showtraceback()
    assert shown == [f"{kind.__name__}: no such"]
