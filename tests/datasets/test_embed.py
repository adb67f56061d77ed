"""EMBED: the loader against plain loops, mini releases of one row of each kind, damaged ones."""

import csv
import gzip
import os
import pickle
import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from rollcall import datasets, rehearse
from rollcall.data.groups import patient_attributes
from rollcall.datasets import embed
from rollcall.datasets.parts.common import count_text
from rollcall.datasets.parts.demographics import EMORY, race_group
from rollcall.util.errors import InputError
from tests.datasets.damaged import refused
from tests.datasets.quick import read_files

pytestmark = pytest.mark.usefixtures("threads")

CLINICAL, METADATA = (
    "tables/EMBED_OpenData_clinical_reduced.csv",
    "tables/EMBED_OpenData_metadata.csv",
)
LETTERS = {
    "A": "0 additional evaluation",
    "N": "1 negative",
    "B": "2 benign",
    "P": "3 probably benign",
    "S": "4 suspicious",
    "M": "5 highly suggestive of malignancy",
    "K": "6 known malignancy",
}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return rehearse.write("embed", tmp_path_factory.mktemp("embed") / "release", 60, 3)


@pytest.fixture(scope="module")
def data(release, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for rules in ("default", "paper"):
        datasets.load("embed", release, folder, rules=rules)
    return folder


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def twin(root, paper):
    """The records of a release, image by image, in the metadata's order: dicts."""
    clinical, records, seen = rows_of(root / CLINICAL), [], set()
    for image in rows_of(root / METADATA):
        path = image["anon_dicom_path"]
        if path in seen:
            continue
        seen.add(path)
        exam = [
            row
            for row in clinical
            if row["empi_anon"] == image["empi_anon"]
            and row["acc_anon"] == image["acc_anon"]
            and "screen" in row["desc"].lower()
        ]
        if not exam:
            continue
        first = {
            name: next((row[name] for row in exam if row[name]), "")
            for name in ("RACE_DESC", "tissueden", "GENDER_DESC", "age_at_study")
        }
        if paper:
            first = exam[0]
            if not first["RACE_DESC"]:
                continue
        if (
            image["ViewPosition"] not in ("MLO", "CC")
            or first["tissueden"] in ("", "5.0")
            or first["GENDER_DESC"] == "Male"
        ):
            continue
        letter = exam[0]["asses"]
        if not paper:
            of_exam = [
                row["asses"]
                for row in exam
                if row["side"] in (image["ImageLateralityFinal"], "B", "")
            ]
            letter = max(
                (letter for letter in of_exam if letter in LETTERS), key="NBPASMK".index, default=""
            )
        race = first["RACE_DESC"].replace("  ", " ")
        group = {
            "African American or Black": "Black",
            "Caucasian or White": "White",
            "Asian": "Asian",
        }.get(race)
        if (
            not group
            and not paper
            and race
            in (
                "Multiple",
                "Native Hawaiian or Other Pacific Islander",
                "American Indian or Alaskan Native",
            )
        ):
            group = "Other"
        age = first["age_at_study"]
        band = (
            next(
                name
                for top, name in (
                    (18, "0-17"),
                    (40, "18-39"),
                    (60, "40-59"),
                    (80, "60-79"),
                    (999, "80+"),
                )
                if float(age) < top
            )
            if age
            else None
        )
        density = "ABCD"[int(float(first["tissueden"])) - 1]
        records.append(
            {
                "patient_id": image["empi_anon"],
                "label": density,
                "race": group,
                "image type": image["FinalImageType"],
                "view": image["ViewPosition"],
                "density": density,
                "assessment": LETTERS.get(letter),
                "age": band,
                "path": "images/cohort_" + path.split("/cohort_")[1],
            }
        )
    patients = sorted({record["patient_id"] for record in records})
    count = 500 if len(patients) >= 2500 else len(patients) // 5
    held = set(np.random.default_rng(420).choice(np.array(patients), count, replace=False).tolist())
    return [
        [record for record in records if (record["patient_id"] in held) == which]
        for which in (False, True)
    ]


@pytest.mark.parametrize("rules", ["default", "paper"])
def test_records_labels_attributes_and_split_are_those_worked_out_by_hand(release, data, rules):
    cohort = datasets.load("embed", release, data, rules=rules)
    pool, test = twin(release, rules == "paper")
    for part, wanted in ((cohort, pool), (cohort.test, test)):
        table = part.records.astype(object).where(part.records.notna(), None)
        for record, row in zip(wanted, table.to_dict("records"), strict=True):
            assert {name: record[name] for name in row} == row
        assert part.labels.tolist() == ["ABCD".index(record["label"]) for record in wanted]
        paths = pd.read_parquet(part.folder / "files.parquet")["path"].tolist()
        assert paths == [record["path"] for record in wanted]
        assert part.inputs.shape == (len(wanted), 64, 48, 1)
        assert part.inputs.dtype == np.uint8
    assert cohort.restricted
    assert cohort.simulated
    assert cohort.unit == "patient"
    assert cohort.classes == tuple("ABCD")
    assert not set(cohort.patients) & set(cohort.test.patients)
    assert (
        f"test set: {len(test):,} records of {len(cohort.test.patients)} patients" in cohort.notes
    )
    missing = Counter(
        name
        for record in pool + test
        for name in ("race", "assessment", "age")
        if record[name] is None
    )
    for name, count in missing.items():
        assert f"{name}: missing for {count_text(count)} records" in cohort.notes
    assert any(
        note.startswith("metadata rows: ") and note.endswith("480,323 in the publisher's release")
        for note in cohort.notes
    )
    assert any("360,159 in the reference" in note for note in cohort.notes) == (rules == "paper")
    assert set(patient_attributes(cohort)) == set(embed.ATTRIBUTES)


def test_the_rules_differ_where_they_should(release, data):
    default, paper = (twin(release, rules)[0] + twin(release, rules)[1] for rules in (False, True))
    assert len(default) > len(paper)
    assert any(record["race"] is None for record in default)
    one, two = (
        {record["path"]: record["assessment"] for record in records} for records in (default, paper)
    )
    assert any(one[path] != two[path] for path in two)


def test_pixels_are_those_of_an_independent_decoding(release, data):
    cohort = datasets.load("embed", release, data)
    table = {row["anon_dicom_path"].split("dicom/")[1]: row for row in rows_of(release / METADATA)}
    paths = pd.read_parquet(cohort.folder / "files.parquet")["path"]
    kinds = Counter()
    for record, path in enumerate(paths):
        row, dataset = table[path.removeprefix("images/")], pydicom.dcmread(release / path)
        values = dataset.pixel_array.astype(float)
        points, foot = list(dataset.get("PatientOrientation") or ["", ""])
        flipped = dataset.get("FieldOfViewHorizontalFlip", "NO") == "YES"
        right = points == "A" if points else (row["ImageLateralityFinal"] == "L") != flipped
        wrong_foot = {"CC": row["ImageLateralityFinal"], "MLO": "H"}[row["ViewPosition"]]
        kind = (
            dataset.PhotometricInterpretation,
            row["ImageLateralityFinal"],
            right,
            foot == wrong_foot,
            "WindowCenter" in dataset,
        )
        kinds[kind] += 1
        if kinds[kind] > 2:
            continue
        if not right:
            values = np.fliplr(values)
        if foot == wrong_foot:
            values = np.flipud(values)
        low, high = values.min(), values.max()
        if "WindowCenter" in dataset:
            center, breadth = (
                float(np.atleast_1d(dataset[name].value)[0])
                for name in ("WindowCenter", "WindowWidth")
            )
            low, high = center - breadth / 2, center + breadth / 2
        small = np.asarray(
            Image.fromarray(values.astype(np.float32)).resize((48, 64), Image.Resampling.BICUBIC),
            float,
        )
        wanted = 255 * np.clip((small - low) / (high - low), 0, 1)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            wanted = 255 - wanted
        np.testing.assert_allclose(cohort.inputs[record, :, :, 0], wanted, atol=0.51)
    assert len(kinds) >= 8


def test_presentation_states_in_the_tree_are_not_records(release, data):
    states = list(release.rglob("state.dcm"))
    assert states
    assert all("PixelData" not in pydicom.dcmread(path) for path in states)
    cohort = datasets.load("embed", release, data)
    assert not any(
        "state" in path for path in pd.read_parquet(cohort.folder / "files.parquet")["path"]
    )


# --- mini releases: one row of each kind, as pngs ---


def finding(patient, exam, **values):
    return {
        "empi_anon": str(patient),
        "acc_anon": str(exam),
        "desc": "MG Screening",
        "side": "",
        "tissueden": "2.0",
        "asses": "N",
        "GENDER_DESC": "Female",
        "RACE_DESC": "Asian",
        "age_at_study": "55",
    } | values


def image(patient, exam, name, **values):
    return {
        "empi_anon": str(patient),
        "acc_anon": str(exam),
        "anon_dicom_path": f"/mnt/somewhere/images/cohort_1/{patient}/{exam}/s/{name}.dcm",
        "FinalImageType": "2D",
        "ImageLateralityFinal": "L",
        "ViewPosition": "CC",
    } | values


def mini(root, clinical, images, fill=20, reduced=True, zipped=False):
    """A release of PNGs with these rows and `fill` plain patients; returns the root."""
    clinical = clinical + [finding(900 + p, 900 + p, tissueden=str(1 + p % 2)) for p in range(fill)]
    images = images + [image(900 + p, 900 + p, f"x{p}") for p in range(fill)]
    root.mkdir(parents=True, exist_ok=True)
    for kind, rows in (("clinical", clinical), ("metadata", images)):
        path = root / f"EMBED_OpenData_{kind}{'_reduced' * reduced}.csv{'.gz' * zipped}"
        with (gzip.open if zipped else open)(path, "wt", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
    for index, row in enumerate(images):
        path = (
            root
            / row["empi_anon"].removesuffix(".0")
            / (row["anon_dicom_path"].split("/")[-1].removesuffix(".dcm") + ".png")
        )
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((32, 24), index, np.uint8)).save(path)
    return root


def read_all(root, **options):
    """(records of pool and test together by the name of their file, the cohort), undecoded."""
    cohort = embed.read(embed.locate(root, root), root, **options)
    parts = [cohort, cohort.test]
    table = pd.concat(
        [
            part.records.assign(
                file=[path.split("/")[-1].split(".")[0] for path in part.inputs.paths]
            )
            for part in parts
        ]
    ).set_index("file")
    return table, cohort


def test_the_assessment_is_the_most_serious_of_the_images_own_side(tmp_path):
    findings = [
        finding(1, 1, side="R", asses="M"),
        finding(1, 1, side="L", asses="B"),
        finding(1, 1, side="B", asses="A"),
        finding(1, 1, side="", asses="N"),
        finding(2, 2, side="R", asses="K"),
        finding(3, 3, side="L", asses="X"),
        finding(3, 3, side="R", asses="P"),
        finding(3, 3, side="R", asses="A"),
        finding(3, 3, side="R", asses="B"),
    ]
    images = [
        image(1, 1, "a"),
        image(1, 1, "b", ImageLateralityFinal="R"),
        image(1, 1, "c", ImageLateralityFinal=""),
        image(2, 2, "d"),
        image(2, 2, "e", ImageLateralityFinal="R"),
        image(3, 3, "f"),
        image(3, 3, "g", ImageLateralityFinal="R"),
    ]
    table, _ = read_all(mini(tmp_path / "r", findings, images))
    wanted = {
        "a": "0 additional evaluation",
        "b": "5 highly suggestive of malignancy",
        "c": "0 additional evaluation",
        "d": None,
        "e": "6 known malignancy",
        "f": None,
        "g": "0 additional evaluation",
    }
    assert {
        name: None if pd.isna(value) else value
        for name, value in table["assessment"][list(wanted)].items()
    } == wanted
    paper, _ = read_all(tmp_path / "r", rules="paper")
    assert (
        paper["assessment"]["a"] == paper["assessment"]["b"] == "5 highly suggestive of malignancy"
    )
    assert paper["assessment"]["d"] == "6 known malignancy"
    assert pd.isna(paper["assessment"]["g"])  # X


def test_what_an_exam_says_once_holds_for_all_of_it(tmp_path):
    findings = [
        finding(1, 1, tissueden="", RACE_DESC="", age_at_study=""),
        finding(1, 1, tissueden="4", RACE_DESC="Caucasian or White", age_at_study="81"),
        finding(1, 1, tissueden="3"),
    ]
    table, cohort = read_all(mini(tmp_path / "r", findings, [image(1, 1, "a")]))
    assert table.loc["a", ["density", "race", "age"]].tolist() == ["D", "White", "80+"]
    assert "fewer than 10 exams have several densities; the first one counts" in cohort.notes
    assert "a" not in read_all(tmp_path / "r", rules="paper")[0].index


def test_who_and_what_is_dropped_and_that_it_is_said(tmp_path):
    findings = [
        finding(1, 1, desc="MG Diagnostic"),
        finding(2, 2, tissueden="5.0"),
        finding(3, 3, tissueden=""),
        finding(4, 4, GENDER_DESC="Male"),
        finding(5, 5, RACE_DESC=""),
        finding(6, 6, desc="mg SCREEN bilateral"),
        finding(7, 7),
    ]
    images = [image(n, n, f"n{n}") for n in range(1, 8)] + [
        image(6, 6, "spot", ViewPosition="XCCL"),
        image(8, 8, "n8"),
        image(6, 7, "n67"),
        image(6, 6, "n6"),
    ]
    table, cohort = read_all(mini(tmp_path / "r", findings, images))
    assert sorted(name for name in table.index if name[0] == "n") == ["n5", "n6", "n7"]
    assert "spot" not in table.index
    assert pd.isna(table["race"]["n5"])
    for note in (
        "fewer than 10 metadata rows dropped: the same anon_dicom_path again",
        "fewer than 10 images dropped: not of a screening exam in the clinical table",
        "fewer than 10 images dropped: view other than MLO and CC",
        "fewer than 10 images dropped: density 5, male",
        "fewer than 10 images dropped: male",
        "fewer than 10 images dropped: density missing",
        "race: missing for fewer than 10 records",
    ):
        assert note in cohort.notes
    paper, cohort = read_all(tmp_path / "r", rules="paper")
    assert "n5" not in paper.index
    assert "fewer than 10 images dropped: race missing" in cohort.notes


@pytest.mark.parametrize(
    ("written", "default", "paper"),
    [
        ("African American  or Black", "Black", "Black"),
        ("Caucasian or White", "White", "White"),
        ("Asian", "Asian", "Asian"),
        ("Multiple", "Other", None),
        ("Native Hawaiian or Other Pacific Islander", "Other", None),
        ("American Indian or Alaskan Native", "Other", None),
        ("Not Recorded", None, None),
        ("Unknown, Unavailable or Unreported", None, None),
        ("Patient Declines", None, None),
        ("", None, None),
    ],
)
def test_races(written, default, paper):
    for rules, wanted in ((False, default), (True, paper)):
        group = race_group(pd.Series([written]), rules, EMORY)[0]
        assert (wanted is None and pd.isna(group)) or group == wanted


def test_ids_written_as_floats_meet_ids_written_whole(tmp_path):
    table, _ = read_all(mini(tmp_path / "r", [finding("1.0", "7.0")], [image(1, 7, "a")]))
    assert table["patient_id"]["a"] == "1"


def test_ids_with_spaces_meet(tmp_path):
    table, _ = read_all(mini(tmp_path / "r", [finding(" 1", "7 ")], [image(1, 7, "a")]))
    assert table["patient_id"]["a"] == "1"


def test_tables_of_other_people_are_refused(tmp_path):
    """A clinical table of one copy beside the images of another, whose ids were drawn anew."""
    root = mini(tmp_path / "r", [], [])
    path = root / "EMBED_OpenData_clinical_reduced.csv"
    path.write_text(path.read_text().replace("\n9", "\n5"))
    with pytest.raises(InputError, match=r"metadata_reduced.csv: no row of it names a patient of"):
        embed.read(embed.locate(root, root), root)


@pytest.mark.parametrize(("reduced", "zipped"), [(True, True), (False, False)])
def test_either_name_and_gz(tmp_path, reduced, zipped):
    assert len(read_all(mini(tmp_path / "r", [], [], reduced=reduced, zipped=zipped))[0]) == 20


def test_half_a_thousand_patients_are_held_out_of_many(tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "MIN_PATIENTS_FOR_FULL_TEST", 40)
    monkeypatch.setattr(embed, "TEST_PATIENTS", 25)
    _, cohort = read_all(mini(tmp_path / "r", [], [], fill=41))
    held = np.random.default_rng(420).choice(
        np.array(sorted(str(900 + p) for p in range(41))), 25, replace=False
    )
    assert set(cohort.test.patients) == set(held)
    assert len(cohort.test.patients) == 25
    assert set(read_all(tmp_path / "r", rules="paper")[1].test.patients) == set(held)


def test_pngs_are_read_as_they_are(tmp_path):
    root = mini(tmp_path / "r", [], [])
    cohort = datasets.load("embed", root, tmp_path / "data", size=32)
    assert cohort.inputs.shape == (16, 32, 24, 1)
    names = pd.read_parquet(cohort.folder / "files.parquet")["path"]
    np.testing.assert_array_equal(
        cohort.inputs[:, 0, 0, 0], [int(name.split("/x")[1][:-4]) for name in names]
    )


def test_a_cohort_folder_that_was_not_downloaded_is_left_out(release, tmp_path):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    shutil.rmtree(root / "images" / "cohort_2")
    cohort = embed.read(embed.locate(root, root), root)
    assert all(path.startswith("images/cohort_1/") for path in cohort.inputs.paths)
    lost = sum("/cohort_2/" in record["path"] for part in twin(release, False) for record in part)
    assert f"{lost} images dropped: the folder cohort_2 is not there" in cohort.notes


def test_dicom_files_count_by_any_case_of_their_ending(release, tmp_path):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    for number, path in enumerate(sorted(root.rglob("*.dcm"))):
        path.rename(path.with_suffix((".DCM", ".dicom", ".dcm")[number % 3]))
    changed, plain = (embed.read(embed.locate(place, place), place) for place in (root, release))
    assert changed.records.equals(plain.records)
    for one, other in zip(changed.inputs.paths, plain.inputs.paths, strict=True):
        assert (root / one).read_bytes() == (release / other).read_bytes()


def test_pictures_without_the_folder_images(release, data, tmp_path):
    root = tmp_path / "r"
    shutil.copytree(release, root)
    for folder in (root / "images").iterdir():
        folder.rename(root / folder.name)
    (root / "images").rmdir()
    moved, there = (embed.read(embed.locate(folder, folder), folder) for folder in (root, release))
    assert ["images/" + path for path in moved.inputs.paths] == there.inputs.paths.tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 30}, "a multiple of 4 from 16 to 1024"),
        ({"size": 8}, "16 to 1024"),
        ({"rules": "papers"}, "'default', 'paper'"),
        ({"pictures": "jpg"}, "'auto', 'dicom', 'png'"),
    ],
)
def test_options_out_of_range(release, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        datasets.load("embed", release, tmp_path, **options)


def test_the_decoders_can_be_sent_to_processes(release, tmp_path):
    for pictures, path in (("dicom", release), ("png", mini(tmp_path / "mini", [], [], fill=20))):
        inputs = embed.read(embed.locate(path, path), path, pictures=pictures).inputs
        again = pickle.loads(pickle.dumps(inputs.take(slice(0, 1))))
        arguments = [column[0] for column in again.arguments]
        assert again.decode(path / again.paths[0], *arguments).shape == (64, 48, 1)


def test_without_a_root_the_way_to_it_is_named(tmp_path):
    with pytest.raises(InputError, match=r"ROOT=.*Emory grants access at https://"):
        datasets.load("embed", data=tmp_path)


def test_a_rehearsal_is_the_same_each_time(release, tmp_path):
    again = rehearse.write("embed", tmp_path / "again", 60, 3)
    assert read_files(release) == read_files(again)


# --- damaged releases ---


def table_edit(name, row, **values):
    """Change fields of one row (0 is the first) of a table."""

    def damage(root):
        rows = rows_of(root / name)
        rows[row] |= values
        with open(root / name, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    return damage


def bytes_edit(name, change):
    return lambda root: (root / name).write_bytes(change((root / name).read_bytes()))


def first_picture(root):
    """(line in the metadata, path) of the pool's first picture."""
    record = twin(root, False)[0][0]
    line = next(
        n
        for n, row in enumerate(rows_of(root / METADATA), 2)
        if row["anon_dicom_path"].endswith(record["path"].removeprefix("images/"))
    )
    return line, root / record["path"]


def picture_edit(change):
    return lambda root: (lambda path: path.write_bytes(change(path.read_bytes())))(
        first_picture(root)[1]
    )


def element_edit(remove=(), **elements):
    """Change elements of the first picture, and take its windows out of the table."""

    def damage(root):
        line, path = first_picture(root)
        dataset = pydicom.dcmread(path)
        for name in remove:
            del dataset[name]
        for name, value in elements.items():
            setattr(dataset, name, value)
        dataset.save_as(path)
        table_edit(METADATA, line - 2, WindowCenter="", WindowWidth="")(root)

    return damage


def to_escape(root):
    path = first_picture(root)[1]
    outside = root.parent / "outside.dcm"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    os.symlink(outside, path)


def other_patient(root):
    rows = rows_of(root / METADATA)
    table_edit(
        METADATA,
        5,
        anon_dicom_path=next(
            row["anon_dicom_path"] for row in rows if row["empi_anon"] != rows[5]["empi_anon"]
        ),
    )(root)


def zipped_and_cut(root):
    content = gzip.compress((root / CLINICAL).read_bytes())
    (root / CLINICAL).unlink()
    (root / (CLINICAL + ".gz")).write_bytes(content[: len(content) // 2])


DAMAGES = {
    "clinical table empty": (bytes_edit(CLINICAL, lambda c: b""), r"clinical_reduced\.csv: empty"),
    "metadata only a header": (
        bytes_edit(METADATA, lambda c: c.split(b"\n")[0] + b"\n"),
        r"metadata\.csv: holds no rows",
    ),
    "column missing": (
        bytes_edit(CLINICAL, lambda c: c.replace(b"tissueden", b"density", 1)),
        "lacks the column 'tissueden'",
    ),
    "no metadata": (
        lambda root: (root / METADATA).unlink(),
        r"holds no EMBED_OpenData_metadata\.csv",
    ),
    "not UTF-8": (
        bytes_edit(CLINICAL, lambda c: c.replace(b"Caucasian", b"Caucas\xefan", 1)),
        r"clinical_reduced\.csv: row \d+ is not UTF-8",
    ),
    "gz cut short": (zipped_and_cut, r"clinical_reduced\.csv\.gz: damaged or cut short"),
    "density 7": (
        table_edit(CLINICAL, 0, desc="MG Screening", tissueden="7.0"),
        r"row 2, column 'tissueden': '7\.0'; expected a number from 1 to 5",
    ),
    "density NaN": (
        table_edit(CLINICAL, 3, desc="MG Screening", tissueden="NaN"),
        "row 5, column 'tissueden': 'NaN'",
    ),
    "density between": (
        table_edit(CLINICAL, 3, desc="MG Screening", tissueden="2.5"),
        "row 5, column 'tissueden': '2.5'; expected a whole number",
    ),
    "assessment": (
        table_edit(CLINICAL, 2, desc="MG Screening", asses="Q"),
        "row 4, column 'asses': 'Q'; expected one of",
    ),
    "age 300": (
        table_edit(CLINICAL, 2, desc="MG Screening", age_at_study="300"),
        "row 4, column 'age_at_study': '300'",
    ),
    "side": (
        table_edit(CLINICAL, 2, desc="MG Screening", side="left"),
        "row 4, column 'side': 'left'",
    ),
    "patient without an id": (
        table_edit(METADATA, 1, empi_anon=""),
        "row 3, column 'empi_anon': ''; expected a whole number",
    ),
    "million characters": (
        table_edit(CLINICAL, 1, desc="x" * 1_000_000),
        "row 3, column 'desc': 'x+'; a field of more than 100,000|row 3.*(too|field|block)",
    ),
    "path upwards": (
        table_edit(METADATA, 2, anon_dicom_path="/mnt/images/cohort_1/../../../etc/shadow.dcm"),
        "row 4, column 'anon_dicom_path'.*leads out of the release",
    ),
    "absolute path": (
        table_edit(METADATA, 2, anon_dicom_path="/mnt/images//etc/a.dcm"),
        "row 4, column 'anon_dicom_path'.*leads out of the release",
    ),
    "path elsewhere": (
        table_edit(METADATA, 2, anon_dicom_path="/mnt/pictures/a.dcm"),
        "row 4, column 'anon_dicom_path'.*expected a path with images/ or cohort_",
    ),
    "one image of two patients": (
        other_patient,
        r"row \d+, column 'anon_dicom_path'.*stands under two patients",
    ),
    "laterality": (
        table_edit(METADATA, 2, ImageLateralityFinal="X"),
        "row 4, column 'ImageLateralityFinal': 'X'",
    ),
    "window 0 in the table": (
        table_edit(METADATA, 2, WindowCenter="100", WindowWidth="0"),
        "row 4, column 'WindowWidth': '0'; expected a number above 0",
    ),
    "window text in the table": (
        table_edit(METADATA, 2, WindowCenter="middle", WindowWidth="10"),
        "row 4, column 'WindowCenter': 'middle'; expected a number",
    ),
    "half a window": (
        table_edit(METADATA, 2, WindowCenter="10", WindowWidth=""),
        "row 4, column 'WindowWidth': ''; expected both",
    ),
    "picture gone": (
        lambda root: first_picture(root)[1].unlink(),
        r"metadata\.csv: row \d+: .*\.dcm does not exist; complete the release",
    ),
    "all pictures gone": (
        lambda root: shutil.rmtree(root / "images"),
        r"metadata\.csv: row \d+: .* does not exist \([\d,]+ such rows\)",
    ),
    "link out of the root": (to_escape, r"metadata\.csv: row \d+\): .*leads out of the root"),
    "no pixels": (
        element_edit(remove=["PixelData"]),
        r"\.dcm \(EMBED_OpenData_metadata\.csv: row \d+\): holds no pixels",
    ),
    "picture cut short": (picture_edit(lambda c: c[:-5000]), r"row \d+\): .*cut short"),
    "picture empty": (picture_edit(lambda c: b""), r"row \d+\): not a DICOM file"),
    "picture a web page": (
        picture_edit(lambda c: b"<html>" + b" " * 300 + b"Sign in</html>"),
        r"row \d+\): not a DICOM file",
    ),
    "header of another size": (
        element_edit(Rows=9999),
        r"row \d+\): 24,576 bytes of pixels, where 9999 rows",
    ),
    "window 0 in the picture": (
        element_edit(WindowCenter="100", WindowWidth="0"),
        r"row \d+\): WindowWidth is '0'; expected a number above 0",
    ),
    "tomosynthesis": (element_edit(NumberOfFrames="70"), r"row \d+\): 70 frames; expected one"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_release_is_one_line_and_leaves_the_cache(name, release, data, tmp_path, capsys):
    damage, match = DAMAGES[name]
    refused("embed", release, data, damage, match, tmp_path, capsys)


@pytest.mark.parametrize("high", [65_535, 4_095, 16_383, 300])
def test_pngs_of_16_bits_are_scaled_from_their_range(tmp_path, high):
    root = mini(tmp_path / "r", [], [])
    ramp = np.linspace(0, high, 32 * 24).reshape(32, 24).astype(np.uint16)
    for path in root.glob("*/*.png"):
        Image.fromarray(ramp).save(path)
    cohort = datasets.load("embed", root, tmp_path / "data", size=32)
    assert np.abs(cohort.inputs[:, :, :, 0] - ramp / high * 255).max() <= 0.5001
    assert any("20 of 20 looked at have 16 bits of grey" in note for note in cohort.notes)


def beside_the_dicom(root, path, row):
    return root / row["anon_dicom_path"].split("images/")[-1].replace(".dcm", ".png")


PNGS = {  # where converters of mammograms put their pictures
    "in the DICOM file's place": beside_the_dicom,
    "below images": lambda root, path, row: root / "images" / path.relative_to(root),
    "in capitals": lambda root, path, row: path.with_suffix(".PNG"),
    "as jpeg": lambda root, path, row: path.with_suffix(".jpg"),
}


@pytest.mark.parametrize("name", PNGS)
def test_pngs_are_found_where_people_put_them(tmp_path, name):
    root = mini(tmp_path / "r", [], [])
    before = datasets.load("embed", root, tmp_path / "data", size=32)
    for row in rows_of(root / "EMBED_OpenData_metadata_reduced.csv"):
        stem = row["anon_dicom_path"].split("/")[-1].removesuffix(".dcm")
        path = next(root.rglob(f"{stem}.png"))
        target = PNGS[name](root, path, row)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    after = datasets.load("embed", root, tmp_path / "data", size=32)
    assert after.fingerprint == before.fingerprint
