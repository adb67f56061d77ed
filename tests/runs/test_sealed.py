import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.runs.sealed import compute_digest, read_sealed, write_sealed
from rollcall.util.faults import MachineError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
CONTENT = st.dictionaries(st.text().filter(lambda key: key != "checksum"), VALUES, max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sealed")


@given(CONTENT)
def test_what_is_written_is_read(folder, content):
    path = folder / "a.json"
    write_sealed(path, content)
    assert read_sealed(path) == content
    assert read_sealed(path, older=False) == content


@given(CONTENT, st.data())
def test_another_value_is_noticed(folder, content, data):
    path = folder / "a.json"
    write_sealed(path, content | {"targets": 16})
    changed = json.loads(path.read_text()) | {"targets": data.draw(VALUES)}
    path.write_text(json.dumps(changed))
    if compute_digest(changed["targets"]) == compute_digest(16):
        assert read_sealed(path)["targets"] == 16
    else:
        with pytest.raises(ValueError, match="its checksum is not that of its content"):
            read_sealed(path)


def test_older_files_have_no_checksum(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"targets": 8}')
    assert read_sealed(path) == {"targets": 8}
    with pytest.raises(ValueError, match="its checksum"):
        read_sealed(path, older=False)


@pytest.mark.parametrize("content", ["", "{", "[1]", "3", "null", "[" * 100_000, "\xff", "{}x"])
def test_what_is_no_object_is_a_value_error(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError):
        read_sealed(path)


def test_a_fault_of_the_machine_is_no_damage(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(MachineError):
        read_sealed(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "b.json")
