import json
import re

from rollcall.runs import environment


def test_a_new_run_says_where_it_was_made():
    described = environment.describe()
    assert list(described) == ["versions", "hardware", "started", "finished"]
    assert {"python", *environment.PACKAGES} == set(described["versions"])
    assert described["hardware"]["cores"] >= 1
    assert described["finished"] is None
    assert json.loads(json.dumps(described)) == described


def test_times_are_utc_to_the_second():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", environment.now())
