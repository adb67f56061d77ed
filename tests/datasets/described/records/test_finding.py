import pytest

from rollcall.datasets.described.records.finding import find_files
from rollcall.util.errors import InputError
from tests.datasets.described.records.made_up import describe, make_table

ENDINGS = (".png", ".jpg")


def fill(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def find(root, *names, **more):
    return find_files(describe(root, **more), make_table(*names), ENDINGS)[0].tolist()


@pytest.mark.parametrize(
    ("there", "name", "path"),
    [
        ("a.png", "a.png", "a.png"),
        ("a.png", "a", "a.png"),
        ("A.PNG", "a", "A.PNG"),
        ("sub/a.png", "a", "sub/a.png"),
        ("sub/deep/a.jpg", "a.jpg", "sub/deep/a.jpg"),
        ("sub/deep/a.jpg", "deep/a", "sub/deep/a.jpg"),
        ("sub/deep/a.jpg", "sub/deep/a.jpg", "sub/deep/a.jpg"),
        ("sub/deep/a.jpg", "./sub/deep/a", "sub/deep/a.jpg"),
        ("sub/deep/a.jpg", "sub\\deep\\a.jpg", "sub/deep/a.jpg"),
        ("a.b.c.png", "a.b.c", "a.b.c.png"),
        ("1.2.840.113619", "1.2.840.113619", "1.2.840.113619"),
    ],
)
def test_a_name_means_the_file_that_has_it(there, name, path, tmp_path):
    fill(tmp_path, there, "other.png")
    assert find(tmp_path, name, "other") == [path, "other.png"]


def test_names_are_looked_for_in_the_folder_that_is_named(tmp_path):
    fill(tmp_path, "images/part 1/a.png", "images/part 2/b.png", "elsewhere/a.png")
    assert find(tmp_path, "b", "a", "b", folder="images") == [
        "images/part 2/b.png",
        "images/part 1/a.png",
        "images/part 2/b.png",
    ]


@pytest.mark.parametrize(
    ("there", "name", "path"),
    [
        (("a.png", "a.jpg"), "a.jpg", "a.jpg"),
        (("one/a.png", "two/a.png"), "two/a", "two/a.png"),
        (("a.png", "A.png"), "A", "A.png"),
        (("a.PNG", "A.png"), "a.png", "a.PNG"),
        (("a.png", "sub/b a.png"), "a", "a.png"),
        (("a.png", ".hidden/a.png", "__MACOSX/a.png"), "a", "a.png"),
        (("a.png", "a.txt"), "a", "a.png"),
    ],
)
def test_what_tells_files_apart_counts(there, name, path, tmp_path):
    fill(tmp_path, *there)
    assert find(tmp_path, name) == [path]


@pytest.mark.parametrize(
    ("there", "name"),
    [
        (("a.png", "a.jpg"), "a"),
        (("one/a.png", "two/a.png"), "a"),
        (("one/a.png", "two/a.png"), "a.png"),
        (("x/one/a.png", "y/one/a.png"), "one/a"),
    ],
)
def test_a_name_of_several_files_is_refused_with_two_of_them(there, name, tmp_path):
    fill(tmp_path, "b.png", *there)
    with pytest.raises(
        InputError, match=r"row 3, column 'file'.*2 files go by this name"
    ) as refused:
        find(tmp_path, "b", name)
    assert all(path in str(refused.value) for path in there)


@pytest.mark.parametrize(
    ("names", "more", "says"),
    [
        (["a", ""], {}, "row 3, column 'file': ''; expected the name of a file"),
        (["a", "b", "b"], {}, r"row 3, column 'file': 'b'; no such file .*\(2 such rows\)"),
        (
            ["x", "y"],
            {},
            r"none of its 2 files is in .*the first 'x' \(of .png, .jpg .* there: a.png\)",
        ),
        (["a"], {"folder": "images"}, "images is no folder"),
        (["a"], {"folder": "../elsewhere"}, "not a path inside"),
        (["a"], {"folder": "/etc"}, "not a path inside"),
        (["../b"], {}, "none of its 1 files"),
        (["/etc/passwd"], {}, "none of its 1 files"),
    ],
)
def test_names_that_lead_nowhere_are_refused_in_a_line(names, more, says, tmp_path):
    fill(tmp_path, "a.png")
    with pytest.raises(InputError, match=says) as refused:
        find(tmp_path, *names, **more)
    assert "\n" not in str(refused.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    fill(tmp_path, "elsewhere/a.png", "here/b.png")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="leads out of the root"):
        find(tmp_path / "here", "a")


@pytest.mark.parametrize(
    "name",
    [
        "/study/images/a.png",
        "C:\\study\\images\\a.png",
        "https://example.org/images/a.png",
        "../images/a.png",
        "train/a",
    ],
)
def test_folders_of_another_machine_are_left_off_and_that_is_said(name, tmp_path):
    fill(tmp_path, "images/a.png", "images/b.png")
    paths, notes = find_files(describe(tmp_path), make_table("b", name), ENDINGS)
    assert paths.tolist() == ["images/b.png", "images/a.png"]
    assert notes == ["files: folders in column 'file' that are not there were left off"]


@pytest.mark.parametrize("names", [("train/a", "test/a"), ("a", "test/a"), ("images/a", "x/a.png")])
def test_folders_are_not_left_off_where_two_names_would_mean_one_file(names, tmp_path):
    fill(tmp_path, "images/a.png")
    with pytest.raises(InputError, match=r"no such file|none of its"):
        find(tmp_path, *names)
