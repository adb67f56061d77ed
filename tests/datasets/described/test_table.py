"""Tables of anybody's, and all that may be wrong with one: a cohort, or one line."""

import gzip

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets
from rollcall.util.errors import InputError
from tests.datasets.described.made_up import (
    as_toml,
    feature,
    invent,
    note,
    read,
    read_frame,
    write,
)


def test_a_plain_table(tmp_path):
    frame = invent()
    cohort = read_frame(tmp_path, frame)
    assert (cohort.task, cohort.classes) == ("binary", ("0", "1"))
    assert cohort.labels.tolist() == frame["died"].astype(int).tolist()
    wards = ["ward=east", "ward=north", "ward=south"]
    assert list(cohort.features) == ["age", "weight", *wards, "smoker"]
    ages = frame["age"].astype(float)
    np.testing.assert_allclose(
        feature(cohort, "age"), (ages - ages.mean()) / ages.std(ddof=0), rtol=1e-5, atol=1e-6
    )
    assert (feature(cohort, "ward=east") == (frame["ward"] == "east")).all()
    assert (feature(cohort, "smoker") == (frame["smoker"] == "yes")).all()
    assert cohort.attributes == ("died",)
    assert len(cohort.patients) == len(frame)
    assert "record" in note(cohort, "left out, ids")
    assert cohort.restricted
    assert cohort.source == "A table of the user's own, my.csv."


def test_what_the_description_says_of_the_data(tmp_path):
    toml = as_toml(
        label="died", restricted=False, unit="lesion", source="From B.", licence="CC BY", name="b"
    )
    cohort = read_frame(tmp_path, invent(), toml)
    assert (cohort.name, cohort.unit, cohort.restricted) == ("b", "lesion", False)
    assert cohort.source == "From B, CC BY."


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("my.csv", {"sep": ";"}),
        ("my.csv", {"sep": "\t"}),
        ("my.csv", {"sep": "|"}),
        ("my.csv", {"encoding": "utf-8-sig"}),
        ("my.csv", {"lineterminator": "\r\n"}),
        ("my.csv", {"quoting": 1}),
        ("my.csv.gz", {}),
        ("my.csv", {"index": True}),  # pandas' numbers of the rows, without a name
    ],
)
def test_the_same_table_however_it_is_saved(tmp_path, name, options):
    plain = read_frame(tmp_path / "a", invent())
    other = read_frame(tmp_path / "b", invent(), name=name, **options)
    assert other.features == plain.features
    assert (other.inputs == plain.inputs).all()


def test_parquet_with_types_is_the_same(tmp_path):
    frame = invent()
    plain = read_frame(tmp_path / "a", frame)
    typed = frame.assign(
        age=frame["age"].astype("Int64"),
        weight=frame["weight"].astype(float),
        ward=frame["ward"].astype("category"),
        smoker=frame["smoker"] == "yes",
        died=frame["died"].astype("int8"),
    )
    folder = tmp_path / "b"
    folder.mkdir()
    typed.to_parquet(folder / "my.parquet")
    (folder / "cohort.toml").write_text('label = "died"')
    other = read(folder / "cohort.toml")
    assert other.features == plain.features
    np.testing.assert_array_equal(other.inputs, plain.inputs)


def test_parquet_dates_missing_values_and_categories_of_numbers(tmp_path):
    frame = invent()
    days = pd.Series(pd.date_range("2020-01-01", periods=60, freq="7h"))
    frame["seen"] = days.mask(days.index == 3)
    frame["grade"] = pd.Categorical((np.arange(60) % 4).astype(float))
    frame["fever"] = pd.array([True, False, None] * 20, dtype="boolean")
    frame.to_parquet(tmp_path / "my.parquet")
    (tmp_path / "cohort.toml").write_text('label = "died"')
    cohort = read(tmp_path / "cohort.toml")
    assert {"seen", "seen missing", "grade", "fever", "fever missing"} <= set(cohort.features)
    assert feature(cohort, "seen missing").sum() == 1
    assert feature(cohort, "fever missing").sum() == 20
    assert "1 of dates" in note(cohort, "inputs:")


def test_a_damaged_parquet_file_and_one_with_lists_are_refused(tmp_path):
    (tmp_path / "cohort.toml").write_text('label = "died"')
    (tmp_path / "my.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(InputError, match="not a readable parquet file"):
        read(tmp_path / "cohort.toml")
    invent().assign(codes=[[1, 2]] * 60).to_parquet(tmp_path / "my.parquet")
    with pytest.raises(InputError, match="'codes' holds lists"):
        read(tmp_path / "cohort.toml")


def test_a_table_without_a_header(tmp_path):
    frame = invent()
    names = [f"c{k}" for k in range(6)]
    toml = as_toml(label="c5", header=False, names=names)
    for separator in (",", ";"):
        cohort = read_frame(tmp_path / "a", frame, toml, header=False, sep=separator)
        assert len(cohort) == 60
        assert cohort.features[0] == "c1"
    write(tmp_path / "b", frame[["age", "weight", "died"]], header=False)
    with pytest.raises(InputError, match=r"row 1 of my\.csv looks like values.*header = false"):
        read(tmp_path / "b" / "cohort.toml")
    toml = as_toml(label="c4", header=False, names=names[:5])
    with pytest.raises(InputError, match="row 1 has 6 fields; expected 5"):
        read_frame(tmp_path / "c", frame, toml, header=False)


def test_text_of_windows_needs_its_encoding(tmp_path):
    frame = invent()
    frame["ward"] = frame["ward"].str.replace("north", "Köln")
    with pytest.raises(InputError, match=r'not UTF-8 text.*encoding = "cp1252"'):
        read_frame(tmp_path, frame, encoding="cp1252")
    cohort = read_frame(
        tmp_path, frame, as_toml(label="died", encoding="cp1252"), encoding="cp1252"
    )
    assert "ward=Köln" in cohort.features
    cohort = read_frame(
        tmp_path, frame, as_toml(label="died", encoding="utf-16"), encoding="utf-16"
    )
    assert "ward=Köln" in cohort.features


def test_semicolons_and_decimal_commas(tmp_path):
    frame = invent()
    plain = read_frame(tmp_path / "a", frame)
    frame["weight"] = frame["weight"].str.replace(".", ",")
    other = read_frame(tmp_path / "b", frame, sep=";")
    np.testing.assert_array_equal(other.inputs, plain.inputs)
    assert "weight: decimal commas" in other.notes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.head(0), "holds no rows"),
        (lambda frame: frame.head(1), "every row has the label '1'"),
        (lambda frame: frame.head(12), r"12 patient\(s\); an audit needs at least 16"),
        (lambda frame: frame.assign(died="1"), "every row has the label '1'"),
        (lambda frame: frame.assign(died=""), "label 'died' has no value in any row"),
        (lambda frame: frame.drop(columns="died"), "column in label: 'died'.*known: age, record"),
        (lambda frame: frame[["record", "died"]], "no column is left as an input .*ids"),
        (lambda frame: frame[["died"]], "no column is left as an input"),
        (lambda frame: frame[["died"]].assign(a="same"), "no column is left .*same value"),
        (
            lambda frame: frame.set_axis([*frame.columns[:-2], "age", "died"], axis=1),
            "has more than once the column 'age'",
        ),
        (
            lambda frame: frame.assign(died=np.arange(60) / 7),
            r"60 different numbers, a quantity; say cut = 4\.2\d* ",
        ),
        (lambda frame: frame.assign(died=[f"w{k}" for k in range(60)]), "60 different words"),
    ],
)
def test_what_makes_no_cohort_is_one_line(tmp_path, change, words):
    with pytest.raises(InputError, match=words) as caught:
        read_frame(tmp_path, change(invent()))
    assert "\n" not in str(caught.value)


def test_one_patient(tmp_path):
    frame = invent().assign(person="P1")
    with pytest.raises(InputError, match=r"1 patient\(s\); an audit needs"):
        read_frame(tmp_path, frame, as_toml(label="died", patient="person"))


def test_42_patients_and_a_class_of_three(tmp_path):
    frame = invent(42).assign(died=["rare"] * 3 + ["a"] * 20 + ["b"] * 19)
    cohort = read_frame(tmp_path, frame)
    assert (cohort.task, cohort.classes) == ("multiclass", ("a", "b", "rare"))
    assert note(cohort, "fewer than 10 patients have rare")


def test_a_quantity_is_cut(tmp_path):
    frame = invent().assign(died=np.arange(60) / 7)
    cohort = read_frame(tmp_path, frame, 'label = "died"\ncut = 4.3')
    assert cohort.classes == ("under 4.3", "4.3 and over")
    assert cohort.labels.tolist() == [int(k / 7 >= 4.3) for k in range(60)]
    with pytest.raises(InputError, match="cut = 90, but label 'died' goes from 0 to"):
        read_frame(tmp_path, frame, 'label = "died"\ncut = 90')
    frame = frame.astype({"died": str})
    frame.loc[4, "died"] = "lots"
    with pytest.raises(InputError, match="has 'lots'; expected numbers alone"):
        read_frame(tmp_path, frame, 'label = "died"\ncut = 4.3')


@pytest.mark.parametrize(
    ("words", "positive", "classes"),
    [
        (["no", "yes"], None, ("no", "yes")),
        (["True", "False"], None, ("False", "True")),
        (["1.0", "0.0"], None, ("0", "1")),
        (["2", "1"], None, ("1", "2")),
        (["alive", "dead"], None, ("alive", "dead")),
        (["ill", "well"], "ill", ("well", "ill")),
        (["0", "1", "2"], 2, ("not 2", "2")),
        (["<30", ">30", "NO"], ["<30", ">30"], ("NO", "<30 or >30")),
        (["10", "9", "2"], None, ("2", "9", "10")),
    ],
)
def test_which_value_is_which_class(tmp_path, words, positive, classes):
    frame = invent().assign(died=[words[k % len(words)] for k in range(60)])
    toml = as_toml(label="died") if positive is None else as_toml(label="died", positive=positive)
    cohort = read_frame(tmp_path, frame, toml)
    assert cohort.classes == classes
    chosen = positive if isinstance(positive, list) else [positive]
    for word, label in zip(frame["died"], cohort.labels, strict=True):
        if positive is None:
            assert classes[label] == word.removesuffix(".0")
        else:
            assert label == (word in map(str, chosen))


def test_a_positive_value_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"value in positive: 'yes'.*known: 0, 1"):
        read_frame(tmp_path, invent(), as_toml(label="died", positive="yes"))
    with pytest.raises(InputError, match="positive names every value"):
        read_frame(tmp_path, invent(), as_toml(label="died", positive=[0, 1]))


def test_rows_without_a_label_are_left_out_and_counted(tmp_path):
    frame = invent()
    frame.loc[:14, "died"] = ["", "NA", "?", "unknown", "."] * 3
    cohort = read_frame(tmp_path, frame, as_toml(label="died", missing="unknown"))
    assert len(cohort) == 45
    assert "left out: 15 rows without died" in cohort.notes
    few = invent()
    few.loc[3, "died"] = ""
    assert "left out: fewer than 10 rows without died" in read_frame(tmp_path, few).notes


def test_several_labels(tmp_path):
    frame = invent().assign(
        icu=["yes", "no", "no"] * 20, fall=["1", "", ""] * 20, mri=["True", "False"] * 30
    )
    cohort = read_frame(tmp_path, frame, as_toml(label=["died", "icu", "fall", "mri"]))
    assert (cohort.task, cohort.labels.shape) == ("multilabel", (60, 4))
    assert cohort.labels[0].tolist() == [1, 1, 1, 1]
    assert cohort.attributes == ("label: died", "label: icu", "label: fall", "label: mri")
    assert "fall: empty taken as no" in cohort.notes
    with pytest.raises(InputError, match=r"label 'ward' has 3 values \('east', 'north', 'south'\)"):
        read_frame(tmp_path, frame, as_toml(label=["died", "ward"]))


def test_groups(tmp_path):
    frame = invent()
    frame.loc[:11, "age"] = "> 89"
    toml = (
        'label = "died"\n'
        'groups = ["ward", {column = "age", bands = [40, 60], over = "> 89"}, "died", "weight"]'
    )
    cohort = read_frame(tmp_path, frame, toml)
    assert cohort.attributes == ("ward", "age", "weight", "died")
    ages = cohort.records["age"].astype(str)
    for written, band in zip(frame["age"], ages, strict=True):
        years = 90 if written == "> 89" else int(written)
        expected = "under 40" if years < 40 else "40 to under 60" if years < 60 else "60 and over"
        assert band == expected
    assert note(cohort, "weight: numbers in bands")
    assert "died: the label, which is compared as it is" in cohort.notes
    assert (feature(cohort, "age=> 89") == (frame["age"] == "> 89")).all()
    assert "age: '> 89' taken as 89, with a flag" in cohort.notes


def test_a_group_that_is_the_label_makes_none(tmp_path):
    frame = invent()
    frame["outcome"] = np.where(frame["died"] == "1", "dead", "alive")
    cohort = read_frame(tmp_path, frame, as_toml(label="died", groups="outcome", drop="outcome"))
    assert cohort.attributes == ("died",)
    assert note(cohort, "outcome: no groups, since it is the label")


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ('["record"]', "groups of record: 60 different words"),
        ('[{column = "ward", bands = [1]}]', "bands of 'ward', but 'east' is no number"),
        ('["empty"]', "groups of empty: every value is missing"),
        ('["seen"]', "groups of seen: dates"),
    ],
)
def test_columns_that_make_no_groups(tmp_path, groups, words):
    frame = invent().assign(empty="NA", seen=[f"2020-03-{1 + k % 28:02d}" for k in range(60)])
    with pytest.raises(InputError, match=words):
        read_frame(tmp_path, frame, f'label = "died"\ngroups = {groups}')


def test_patients_with_several_rows(tmp_path):
    frame = invent().assign(subject_id=[f"{100 + k // 3}.0" for k in range(60)])
    cohort = read_frame(tmp_path, frame, as_toml(label="died", patient="subject_id"))
    assert cohort.patients.tolist() == [str(100 + k) for k in range(20)]
    assert "subject_id" not in cohort.features
    with pytest.raises(InputError, match=r"'subject_id' looks like ids of patients \(20 in 60"):
        read_frame(tmp_path, frame)
    assert len(read_frame(tmp_path, frame, as_toml(label="died", drop="subject_id")).patients) == 60
    frame.loc[5, "subject_id"] = ""
    with pytest.raises(InputError, match=r"row 7, column 'subject_id'.*id of a patient"):
        read_frame(tmp_path, frame, as_toml(label="died", patient="subject_id"))


def test_repeated_rows_are_counted_and_kept(tmp_path):
    frame = invent().drop(columns="record")
    frame = pd.concat([frame, frame.head(11)])
    cohort = read_frame(tmp_path, frame)
    assert len(cohort) == 71
    assert note(cohort, "11 rows are as an earlier one in every column; kept, each as of another")


def test_held_out_rows(tmp_path):
    frame = invent(90).assign(held_out=["false"] * 60 + ["true"] * 30)
    frame.loc[60:, "ward"] = "west"  # which the pool does not have
    frame.loc[60:, "weight"] = "9000"
    cohort = read_frame(tmp_path, frame, as_toml(label="died", test="held_out"))
    alone = read_frame(tmp_path / "a", invent(90).head(60))
    assert cohort.test is not None
    assert (len(cohort), len(cohort.test)) == (60, 30)
    assert not any(name.startswith("held_out") for name in cohort.features)
    np.testing.assert_array_equal(cohort.inputs, alone.inputs)
    assert (cohort.test.inputs[:, cohort.features.index("ward=east")] == 0).all()
    frame["held_out"] = "true"
    with pytest.raises(InputError, match=r"test column 'held_out' has 1 values"):
        read_frame(tmp_path, frame, as_toml(label="died", test="held_out"))


def test_a_patient_on_both_sides_is_refused(tmp_path):
    frame = invent(90).assign(held_out=["0"] * 60 + ["1"] * 30, who=[k % 40 for k in range(90)])
    with pytest.raises(InputError, match="in both the audit pool and the test set"):
        read_frame(tmp_path, frame, as_toml(label="died", test="held_out", patient="who"))


def test_free_text_and_a_thousand_words_are_left_out_by_name(tmp_path):
    frame = invent(3000)
    frame["note"] = [f'seen {k}\nin "ward" {k % 7}' for k in range(3000)]
    frame["icd"] = [f"A{k % 1000}" for k in range(3000)]
    cohort = read_frame(tmp_path, frame)
    assert note(cohort, "left out, free text, or more than 50 words") == (
        "left out, free text, or more than 50 words: note, icd"
    )


def test_a_label_called_label_and_a_patient_called_patient_id(tmp_path):
    frame = invent().rename(columns={"died": "label", "record": "patient_id", "ward": "target"})
    toml = as_toml(label="label", patient="patient_id", groups="target")
    cohort = read_frame(tmp_path, frame, toml)
    assert cohort.attributes == ("target", "label")
    assert cohort.patients[0] == "R0000"
    cohort = read_frame(tmp_path, frame, as_toml(label="smoker", groups=["label", "target"]))
    assert cohort.attributes == ("label (column)", "target", "smoker")
    assert (cohort.records["label"] == frame["smoker"]).all()


def test_the_cohort_is_prepared_under_data_and_nothing_is_left_beside_the_table(tmp_path):
    path = write(tmp_path / "in", invent())
    before = sorted(each.name for each in path.parent.iterdir())
    for root in (path, path.parent):
        cohort = datasets.load("table", root, tmp_path / "data")
        assert (cohort.name, len(cohort)) == ("in", 60)
    assert sorted(each.name for each in path.parent.iterdir()) == before
    assert len(list((tmp_path / "data" / "table" / "prepared").glob("[0-9a-f]*"))) == 1
    path.write_text('label = "smoker"')
    other = datasets.load("table", path, tmp_path / "data")
    assert other.classes == ("no", "yes")


def test_bad_input_leaves_nothing_behind(tmp_path):
    path = write(tmp_path / "in", invent(12))
    with pytest.raises(InputError, match="at least 16"):
        datasets.load("table", path, tmp_path / "data")
    left = [each for each in (tmp_path / "data").rglob("*") if each.is_file()]
    assert [each.name for each in left if each.name != ".tables.json"] == []
    with pytest.raises(InputError, match="table is not fetched: ROOT="):
        datasets.load("table", None, tmp_path / "data")


def test_a_name_of_another_dataset_is_refused(tmp_path):
    path = write(tmp_path / "in", invent(), as_toml(label="died", name="diabetes130"))
    with pytest.raises(InputError, match="is a dataset that Rollcall knows"):
        datasets.load("table", path, tmp_path / "data")
    assert datasets.identify("table", write(tmp_path / "b", invent())) == ("b", "features")
    assert datasets.identify("ptb_xl") == ("ptb_xl", "signals")


def test_a_csv_that_is_cut_short(tmp_path):
    path = write(tmp_path, invent(), name="my.csv.gz")
    whole = (tmp_path / "my.csv.gz").read_bytes()
    (tmp_path / "my.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged or cut short"):
        read(path)
    (tmp_path / "my.csv.gz").write_bytes(gzip.compress(b"a,b,died\n1,2,1\n1,0\n"))
    with pytest.raises(InputError, match=r"Expected 3 columns, got 2"):
        read(path)


@pytest.mark.parametrize("field", ['19,"3,1', '19,3,"1'])
def test_a_quote_that_is_not_closed_swallows_no_rows(tmp_path, field):
    lines = ["a,b,died", *(f"{k},{k % 7},{k % 2}" for k in range(1, 41))]
    lines[19] = field
    path = write(tmp_path, invent())
    (tmp_path / "my.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"[Rr]ow #?20\b"):
        read(path)


def test_classes_that_differ_by_capitals_alone_are_refused(tmp_path):
    frame = invent().assign(died=["Yes", "yes", "no"] * 20)
    with pytest.raises(InputError, match="'Yes' and 'yes', which differ by capitals alone"):
        read_frame(tmp_path, frame)
    cohort = read_frame(tmp_path, frame, as_toml(label="died", positive=["yes", "Yes"]))
    assert cohort.labels.sum() == 40


def test_numbers_as_classes_and_fractions(tmp_path):
    cohort = read_frame(tmp_path, invent().assign(died=[k % 12 for k in range(60)]))
    assert cohort.task == "multiclass"
    assert "label: died, each of 12 numbers a class; cut asks for a limit" in cohort.notes
    with pytest.raises(InputError, match=r"6 different numbers, a quantity; say cut = 1\.25 "):
        read_frame(tmp_path, invent().assign(died=[k % 6 / 2 for k in range(60)]))


def test_an_outcome_in_disguise_is_said(tmp_path):
    frame = invent()
    frame["deathtime"] = np.where(frame["died"] == "1", "2020-01-01", "")
    cohort = read_frame(tmp_path, frame)
    assert note(cohort, "outcomes in disguise?").endswith("AUROC above 0.99: deathtime")
    assert not note(read_frame(tmp_path, invent()), "outcomes in disguise?")


def test_names_in_the_first_row_of_a_table_said_to_have_none(tmp_path):
    toml = as_toml(label="f", header=False, names=list("abcdef"))
    with pytest.raises(InputError, match=r"row 1 of my\.csv looks like names, not values"):
        read_frame(tmp_path, invent(), toml)


def test_one_group_alone_is_none(tmp_path):
    toml = 'label = "died"\ngroups = ["ward", {column = "age", bands = [200]}]'
    cohort = read_frame(tmp_path, invent(), toml)
    assert cohort.attributes == ("ward", "died")
    assert "age: no groups, since there is one alone" in cohort.notes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("ward", "", 1), "column 4 has no name in row 1; give it one"),
        (lambda text: f"My study,,,,,\n{text}", "row 1 names 1 of 6: is it a title"),
        (lambda text: text + text, "row 62, column 'died': .* stand there again"),
        (lambda text: text.split("\n", 1)[1], "looks like values, not names"),
        (lambda text: "PK\x03\x04" + text, "no csv but a zip, as workbooks of Excel are"),
        (lambda text: "PAR1" + text, "no csv but parquet"),
        (lambda text: text.replace("record", "re\0cord", 1), "holds zeros, as UTF-16 does"),
    ],
)
def test_what_is_no_table_of_named_columns_is_one_line(tmp_path, change, words):
    path = write(tmp_path, invent())
    table = tmp_path / "my.csv"
    table.write_text(change(table.read_text()))
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff\ufeff" + text,
        lambda text: text.replace("\n", ",\n"),  # a column without a name or a value
    ],
)
def test_what_holds_nothing_is_left_out(tmp_path, change):
    plain = read_frame(tmp_path / "a", invent())
    path = write(tmp_path / "b", invent())
    table = tmp_path / "b" / "my.csv"
    table.write_text(change(table.read_text()))
    assert (read(path).inputs == plain.inputs).all()


def test_numbers_of_rows_that_were_chosen_are_no_column(tmp_path):
    frame = invent(80).iloc[::2]
    plain = read_frame(tmp_path / "a", frame)
    other = read_frame(tmp_path / "b", frame, index=True)
    assert other.features == plain.features


def test_classes_that_are_one_number_are_refused(tmp_path):
    frame = invent().assign(died=["1", "01", "0"] * 20)
    with pytest.raises(InputError, match="which are one number"):
        read_frame(tmp_path, frame)


@pytest.mark.parametrize(("key", "value"), [("unit", "a" * 81), ("name", "n" * 81)])
def test_names_are_short(tmp_path, key, value):
    with pytest.raises(InputError, match=f"{key} = "):
        read_frame(tmp_path, invent(), as_toml(label="died", **{key: value}))
