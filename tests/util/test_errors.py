from rollcall.util.errors import InputError, first_line, unknown_name


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
