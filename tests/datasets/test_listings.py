"""Rehearsals against listings of the real downloads: the same folders, file names and headers.

A listing, listings/<dataset>.toml, is in our own words, from the public sources that it names:
`files` are patterns of paths that the rehearsal writes, `unwritten` what else the download has,
`headers` the columns of its tables in their order.
"""

import csv
import gzip
import re
import tomllib
from pathlib import Path

import pytest

from rollcall import datasets, rehearse
from rollcall.data.release import SIMULATED
from tests.conftest import SHARED

LISTINGS = {path.stem: path for path in sorted((Path(__file__).parent / "listings").glob("*.toml"))}
REHEARSED = [name for name in LISTINGS if name in datasets.REHEARSABLE]
REAL = {  # datasets: their folders in shared/data, if of another name
    "nih_cxr14": "nih-chestxray14",
    "diabetes130": "diabetes-130",
    "ptb_xl": "ptb-xl",
    "mimic_cxr": "mimic-iv-demo",
    "mimic_iv_ed": ".",  # two folders of demos
}


def listing(name):
    return tomllib.loads(LISTINGS[name].read_text())


def header(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        return next(csv.reader(file))


def written(name, folder):
    root = rehearse.write(name, folder / name, 60, 1)
    paths = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return root, sorted(set(paths) - {SIMULATED})


@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_is_of_a_dataset_and_names_its_sources(name):
    content = listing(name)
    assert name in datasets.NAMES
    assert set(content) <= {"sources", "files", "unwritten", "headers"}
    assert content["sources"]
    assert all(re.fullmatch(r"https://[\w.-]+/\S+", source) for source in content["sources"])
    patterns = [*content["files"], *content.get("unwritten", {})]
    assert all(re.compile(pattern) for pattern in patterns)
    for table in content["headers"]:
        assert any(re.fullmatch(pattern, table) for pattern in patterns), table


@pytest.mark.parametrize("name", REHEARSED)
def test_a_rehearsal_writes_the_files_and_headers_of_the_download(name, tmp_path):
    content = listing(name)
    root, paths = written(name, tmp_path)
    unknown = [
        path for path in paths if not any(re.fullmatch(each, path) for each in content["files"])
    ]
    assert not unknown, unknown[:5]
    absent = [
        each for each in content["files"] if not any(re.fullmatch(each, path) for path in paths)
    ]
    assert not absent
    tables = {path for path in paths if path.endswith((".csv", ".csv.gz"))}
    assert tables == set(content["headers"])
    for table, columns in content["headers"].items():
        assert header(root / table) == columns, table


@pytest.mark.parametrize("name", LISTINGS)
def test_a_real_table_has_the_header_that_is_listed(name):
    folder = SHARED / REAL.get(name, name)
    if not folder.is_dir():
        pytest.skip(f"no real table at {folder}")
    compared = 0
    for table, columns in listing(name)["headers"].items():
        plain = Path(table).name.removesuffix(".gz")
        for path in [*folder.rglob(plain), *folder.rglob(f"{plain}.gz")]:
            assert header(path) == columns
            compared += 1
    assert compared
