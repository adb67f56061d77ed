import pytest

from rollcall.datasets.described.description import find, read
from rollcall.datasets.described.keys import KEYS, Group
from rollcall.util.errors import InputError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my.csv").write_text("id,age,died\n1,50,0\n")
    return tmp_path


def write(folder, text, name="cohort.toml", encoding="utf-8"):
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


def test_everything_that_can_be_said(folder):
    path = write(
        folder,
        """
        name = "mine"
        table = "my.csv"
        header = false
        names = ["id", "age", "died", "extra", "site", "out", "pic"]
        separator = ";"
        encoding = "cp1252"
        patient = "id"
        label = "died"
        positive = [1, "yes", true]
        groups = ["site", {column = "age", bands = [18, 40.5], over = "> 89"}]
        drop = "extra"
        words = ["site"]
        missing = ["unknown", -9]
        test = "out"
        unit = "lesion"
        restricted = false
        source = "A hospital's own  table."
        licence = "CC BY 4.0"
        files = "pic"
        folder = "images"
        size = 64
        """,
    )
    read_back = read(path)
    assert read_back.name == "mine"
    assert read_back.kind == "images"
    assert read_back.table_path == folder / "my.csv"
    assert read_back.positive == ("1", "yes", "true")
    assert read_back.groups == (Group("site"), Group("age", (18.0, 40.5), ("> 89",)))
    assert read_back.drop == ("extra",)
    assert read_back.missing == ("unknown", "-9")
    assert read_back.source == "A hospital's own table."
    assert not read_back.restricted


def test_little_need_be_said(folder):
    read_back = read(write(folder, 'label = "died"', "trial-7.toml"))
    assert (read_back.name, read_back.table, read_back.kind) == ("trial-7", "my.csv", "features")
    assert read_back.restricted
    assert read_back.unit == "patient"
    assert read_back.patient == ""
    assert read(folder) == read_back  # the only toml there


def test_a_cohort_toml_is_named_after_its_folder(tmp_path):
    folder = tmp_path / "Café data (new)"
    folder.mkdir()
    (folder / "a.parquet").touch()
    assert read(write(folder, 'label = "died"')).name == "Caf-data-new-"


def test_a_byte_order_mark_and_windows_line_ends_are_read(folder):
    text = 'label = "died"\r\nunit = "eye"\r\n'
    (folder / "cohort.toml").write_bytes(text.encode("utf-8-sig"))
    assert read(folder).unit == "eye"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no label; expected label"),
        ('labels = "died"', "unknown key 'labels' in .* did you mean 'label'"),
        ('label = "died"\nPatient = "id"', "did you mean 'patient'"),
        ("label = 3", "label = 3; expected a column's name"),
        ('label = ["a", "a"]', "expected a column's name, or a list"),
        ('label = ""', "expected a column's name"),
        ('label = "died"\ncut = "30"', "cut = '30'; expected a number"),
        ('label = "died"\ncut = true', "cut = True; expected a number"),
        ('label = "died"\ncut = nan', "cut = nan; expected a number"),
        ('label = "died"\ncut = 3\npositive = 1', "without positive"),
        ('label = ["a", "b"]\ncut = 3', "one label of numbers"),
        ('label = ["a", "b"]\npositive = 1', "several are yes or no each"),
        ('label = "died"\nrestricted = "no"', "restricted = 'no'; expected true or false"),
        ('label = "died"\ngroups = [{column = "age", band = [1]}]', "expected a list of different"),
        ('label = "died"\ngroups = [{column = "age", bands = [2, 1]}]', "expected a list of"),
        ('label = "died"\ngroups = [{bands = [1, 2]}]', "expected a list of different"),
        ('label = "died"\ngroups = ["age", "age"]', "expected a list of different"),
        ('label = "died"\nseparator = ":"', "separator = ':'; expected one of"),
        ('label = "died"\nencoding = "klingon"', "encoding = 'klingon'; expected an encoding"),
        ('label = "died"\nname = "../up"', "name = '../up'; expected letters"),
        ('label = "died"\nname = "gallery"', "name = 'gallery'; expected letters"),
        ('label = "died"\nheader = false', "header = false needs names"),
        ('label = "died"\nnames = ["a"]', "header = false"),
        ('label = "died"\npatient = "died"', "'died' is patient and label"),
        ('label = "died"\npatient = "id"\ngroups = ["id"]', "'id' is patient and in groups"),
        ('label = "died"\nsize = 64', "size needs files"),
        ('label = "died"\nfiles = "f"\nrate = 100', "rate is of recordings; give format"),
        ('label = "died"\nformat = "mp3"', "format = 'mp3'; expected one of"),
        ('label = "died', "not a readable toml .Unterminated"),
        ("label = {a = 1}", "label = {'a': 1}; expected"),
    ],
)
def test_what_is_wrong_is_one_line(folder, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read(write(folder, text))
    assert "\n" not in str(caught.value)
    assert "cohort.toml" in str(caught.value)


def test_a_table_that_is_not_there_or_leads_out_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"no file \(tables there: my\.csv\)"):
        _ = read(write(folder, 'label = "died"\ntable = "mine.csv"')).table_path
    for outside in ("../x.csv", "/etc/passwd"):
        with pytest.raises(InputError, match="not a path inside"):
            _ = read(write(folder, f'label = "died"\ntable = "{outside}"')).table_path
    (folder / "link.csv").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="leads out of"):
        _ = read(write(folder, 'label = "died"\ntable = "link.csv"')).table_path


def test_two_tables_and_none_named(folder):
    (folder / "other.csv.gz").touch()
    with pytest.raises(InputError, match=r"no table; .*my\.csv, other\.csv\.gz"):
        read(write(folder, 'label = "died"'))


def test_columns_that_are_not_there_come_with_the_nearest(folder):
    described = read(write(folder, 'label = "dead"\ngroups = ["agee"]'))
    with pytest.raises(InputError, match=r"column in label: 'dead'.*known: age, died, id"):
        described.check_columns(["id", "age", "died"])
    with pytest.raises(InputError, match=r"column in groups: 'agee'.*did you mean 'age'"):
        described.check_columns(["id", "age", "dead"])


def test_find_says_what_to_do(folder):
    with pytest.raises(InputError, match=r"rollcall describe .*my\.csv` writes one"):
        find(folder)
    with pytest.raises(InputError, match=r"rollcall describe .*my\.csv` writes a first one"):
        find(folder / "my.csv")
    with pytest.raises(InputError, match="no such file"):
        find(folder / "absent.toml")
    (folder / "notes.txt").touch()
    with pytest.raises(InputError, match=r"expected a \.toml"):
        find(folder / "notes.txt")
    for name in ("a.toml", "b.toml"):
        write(folder, 'label = "died"', name)
    with pytest.raises(InputError, match=r"name one of its tomls: a\.toml, b\.toml"):
        find(folder)
    assert find(folder / "b.toml") == (folder / "b.toml", "table")
    write(folder, 'label = "died"')
    assert find(folder) == (folder / "cohort.toml", "table")


def test_text_that_is_not_utf8_is_refused(folder):
    write(folder, 'label = "größe"', encoding="latin-1")
    with pytest.raises(InputError, match="not UTF-8"):
        read(folder)


def test_every_key_has_a_line_of_its_own(folder):
    fields = set(read(write(folder, 'label = "died"')).__dataclass_fields__)
    assert fields - {"path"} == set(KEYS)
