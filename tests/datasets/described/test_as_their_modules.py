"""Pictures and recordings of known datasets, described as one's own, are what their modules read.

The same inputs, labels, patients and test set, and networks with the same logits.
"""

import ast
import gzip
import shutil
import tarfile

import numpy as np
import pandas as pd
import pytest

from rollcall import datasets, recipes
from rollcall.datasets.ham10000 import DIAGNOSES
from rollcall.datasets.parts.common import held_out_fifth
from rollcall.datasets.ptb_xl import DUPLICATES, SIGNAL_SD
from rollcall.runs import run as run_folder
from rollcall.training.backends.worker import join_run
from tests.conftest import SHARED

PICTURES, RECORDS = 12, 60  # of each class; in all
SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


@pytest.fixture(scope="module")
def ham(tmp_path_factory):
    """A few rows of HAM10000's table with their pictures, and the same rows as one's own."""
    folder = SHARED / "ham10000"
    if not folder.is_dir():
        pytest.skip(f"the real images are not at {folder}")
    root = tmp_path_factory.mktemp("ham")
    table = pd.read_csv(folder / "HAM10000_metadata.csv.gz", dtype=str)
    table = table.sort_values("image_id").groupby("dx").head(PICTURES)
    table.to_csv(root / "HAM10000_metadata.csv", index=False)
    extract(folder / "images_200x150.tar.xz", root, set(table["image_id"] + ".jpg"))
    order = {word: f"{number} {words}" for number, (word, words) in enumerate(DIAGNOSES.items())}
    mine = table[["image_id", "lesion_id", "sex"]].assign(
        diagnosis=table["dx"].map(order), held_out=held_out_fifth(table["lesion_id"])
    )
    mine.to_csv(root / "mine.csv", index=False)
    (root / "cohort.toml").write_text("""
        name = "moles"
        table = "mine.csv"
        label = "diagnosis"
        patient = "lesion_id"
        unit = "lesion"
        groups = ["sex"]
        test = "held_out"
        restricted = false
        files = "image_id"
        size = 32
    """)
    return root


@pytest.fixture(scope="module")
def ptb(tmp_path_factory):
    """The first rows of PTB-XL's table with their recordings, and the same rows as one's own."""
    folder = SHARED / "ptb-xl"
    if not folder.is_dir():
        pytest.skip(f"the real records are not at {folder}")
    root = tmp_path_factory.mktemp("ptb")
    shutil.copy(folder / "scp_statements.csv", root)
    with gzip.open(folder / "ptbxl_database.csv.gz", "rt", encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, nrows=RECORDS)
    table.to_csv(root / "ptbxl_database.csv", index=False)
    names = {
        f"{path.split('/')[-1]}{end}" for path in table["filename_lr"] for end in (".dat", ".hea")
    }
    extract(folder / "records100.tar.xz", root, names)
    known = pd.read_csv(root / "scp_statements.csv", index_col=0)
    known = known[known["diagnostic"] == 1]["diagnostic_class"]
    rows = []
    for statements in table["scp_codes"].map(ast.literal_eval):
        here = {known[code] for code in statements if code in known.index}
        rows.append([int(name in here) for name in SUPERCLASSES])
    mine = table[["patient_id", "filename_lr"]].join(pd.DataFrame(rows, columns=SUPERCLASSES))
    mine["fold"] = table["strat_fold"] == "10"
    mine = mine[~table["ecg_id"].astype(int).isin(DUPLICATES)]
    mine.to_csv(root / "mine.csv", index=False)
    (root / "cohort.toml").write_text(f"""
        name = "hearts"
        table = "mine.csv"
        label = ["NORM", "MI", "STTC", "CD", "HYP"]
        patient = "patient_id"
        test = "fold"
        restricted = false
        files = "filename_lr"
        format = "wfdb"
        scale = {1e-3 / SIGNAL_SD!r}
    """)
    return root


def extract(archive, root, names):
    """Unpack the files of an archive that have these names, and no more of it than they need."""
    with tarfile.open(archive) as opened:
        for member in opened:
            if (name := member.name.rsplit("/", 1)[-1]) in names:
                opened.extract(member, root, filter="data")
                names = names - {name}
                if not names:
                    return


def same(mine, theirs):
    assert len(mine) == len(theirs)
    assert mine.inputs.dtype == theirs.inputs.dtype
    assert mine.inputs.shape == theirs.inputs.shape
    assert (mine.inputs == theirs.inputs).all()
    assert (mine.labels == theirs.labels).all()
    assert mine.patients.tolist() == theirs.patients.tolist()
    assert (mine.patient_index == theirs.patient_index).all()
    assert (mine.task, mine.scale, mine.outputs) == (theirs.task, theirs.scale, theirs.outputs)


def train(cohort, folder, recipe):
    """Return the logits of the first two targets."""
    made = run_folder.create(folder, cohort, recipe, 8, seed=3)
    worker = join_run(str(made.path), 8, str(cohort.folder), "cpu")
    assert worker.train([0, 1]) == 2
    return np.stack([np.load(made.file(f"targets/{target:04d}.npy")) for target in (0, 1)])


@pytest.fixture(scope="module")
def moles(ham, threads, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return datasets.load("table", ham, data), datasets.load("ham10000", ham, data, size=32)


@pytest.fixture(scope="module")
def hearts(ptb, threads, tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    return datasets.load("table", ptb / "cohort.toml", data), datasets.load("ptb_xl", ptb, data)


def test_pictures_of_ham10000(moles):
    mine, theirs = moles
    same(mine, theirs)
    same(mine.test, theirs.test)
    assert mine.unit == theirs.unit == "lesion"
    assert mine.records["sex"].isna().tolist() == theirs.records["sex"].isna().tolist()


def test_recordings_of_ptb_xl(hearts):
    mine, theirs = hearts
    same(mine, theirs)
    same(mine.test, theirs.test)
    assert mine.classes == theirs.classes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pair", "kind", "dataset"),
    [
        ("moles", "images", "ham10000"),
        ("hearts", "signals", "ptb_xl"),
    ],
)
def test_networks_of_both_give_the_same_numbers(pair, kind, dataset, request, tmp_path):
    mine, theirs = request.getfixturevalue(pair)
    entries = ["epochs=1", *(["settings.width=16"] if kind == "signals" else [])]
    given = recipes.choose(mine.name, "", entries, kind)
    known = recipes.choose(dataset, "quick", entries)
    assert (given.model, given.settings) == (known.model, known.settings)
    one = train(mine, tmp_path / "mine", given)
    other = train(theirs, tmp_path / "theirs", known)
    assert np.isfinite(one).all()
    assert (one == other).all()
