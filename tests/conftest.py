import contextlib
import csv
import gzip
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from rollcall import datasets
from rollcall.datasets.diabetes130 import AGES, CATEGORICAL, COLUMNS, COUNTS, DIAGNOSES, DRUGS

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

# The same examples in every run, and no deadline: the machine may be busy. Others, and more of
# them: pytest --hypothesis-profile thorough.
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile("fixed")

# In the background of a script Ctrl-C is ignored, under nohup SIGHUP too; tests send them.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, name), handler)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A simulated cohort of 60 patients, prepared on disk."""
    return datasets.load("simulated", data=tmp_path_factory.mktemp("data"), patients=60)


@dataclass(frozen=True)
class FinishedAudit:
    """A whole audit that the command line made: its run, what was printed, what it was given."""

    run: Path
    data: Path
    stdout: str
    stderr: str

    @property
    def out(self) -> Path:
        return self.run.parents[1]

    @property
    def options(self) -> tuple:
        return (*TINY_AUDIT, "--out", self.out, "--data", self.data)


TINY_AUDIT = ("--targets", 16, "--option", "patients=120", "--recipe", "epochs=30")


def rollcall(*words, cwd=None, env=None, timeout=900) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own, in as many threads as a user's would."""
    usual = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "-m", "rollcall", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=cwd,
        env=usual | (env or {}),
    )


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> FinishedAudit:
    """A whole audit of a tiny cohort, made in a foreign folder, once for all workers. Read only."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # which the workers share
    folder = folder / "finished-audit"
    streams = folder / "stdout", folder / "stderr"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            where = ("--out", folder / "results", "--data", folder / "data")
            done = rollcall("audit", *TINY_AUDIT, *where, cwd=folder)
            assert done.returncode == 0, done.stderr
            for path, text in zip(streams, (done.stdout, done.stderr), strict=True):
                path.write_text(text)
    texts = (path.read_text() for path in streams)
    return FinishedAudit(folder / "results" / "simulated" / "mlp", folder / "data", *texts)


@pytest.fixture
def no_kernels(monkeypatch):
    """Commands in this process start no server of kernels ahead of notebooks that none executes."""
    start = "rollcall.report.notebooks.kernels.start_kernel_server"
    monkeypatch.setattr(start, lambda *_: contextlib.nullcontext(None))


@pytest.fixture(scope="session")
def diabetes_release():
    """The folder of the real diabetes table, or a skip with the reason."""
    folder = SHARED / "diabetes-130"
    if not folder.is_dir():
        pytest.skip(f"the real table is not at {folder}")
    return folder


def diabetes_rows(patients: int = 40) -> list[dict]:
    """An invented table in the publisher's layout: every second patient has two stays."""
    rows = []
    for patient in range(patients):
        for stay in range(1 + patient % 2):
            row = dict.fromkeys(COLUMNS, "No")
            row |= {
                column: str((patient * 7 + stay * 3 + position) % 9)
                for position, column in enumerate(COUNTS)
            }
            row |= {
                "encounter_id": str(1000 + len(rows)),
                "patient_nbr": str(50 + patient),
                "age": AGES[patient % 10],
                "race": ("Caucasian", "Asian", "?")[patient % 3],
                "gender": ("Female", "Male")[patient % 2],
                "weight": "?",
                "admission_type_id": "1",
                "discharge_disposition_id": "1",
                "admission_source_id": "7",
                "payer_code": ("MC", "MD", "?", "SP", "BC", "ZZ")[patient % 6],
                "medical_specialty": "?",
                "max_glu_serum": "None",
                "A1Cresult": "None",
                "change": "No",
                "diabetesMed": "Yes",
                "readmitted": ("NO", ">30", "<30")[(patient + stay) % 3],
            }
            row |= dict(
                zip(
                    DIAGNOSES,
                    ("250.83", "V27", "?") if patient % 2 else ("428", "486", "999.9"),
                    strict=True,
                )
            )
            rows.append(row)
    assert set(DRUGS) <= set(CATEGORICAL)
    return rows


def write_release(folder: Path, rows: list[dict], columns=COLUMNS, zipped: bool = False) -> Path:
    """Write rows as diabetic_data.csv(.gz) into folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("diabetic_data.csv.gz" if zipped else "diabetic_data.csv")
    with (gzip.open if zipped else open)(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder
