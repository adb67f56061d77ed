"""Random SIGKILLs over the life of several runs; exit status 1 if anything is wrong.

    python -m tests.end_to_end.sigkill [kills] [processes|dask] [seed]

processes: the training process with its workers, the training process alone, or one of its workers.
dask: one of three Dask workers, replaced. After every kill: each stored target's hash is right, and
none that was stored was stored again. At the end of each run: every target is there, and its logits
are bit for bit those of a run that nobody disturbed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from rollcall.runs import run
from rollcall.util import files
from tests.training.backends.test_dask_cluster import cluster, dask_worker

TARGETS = 16
MOST_KILLS_OF_A_RUN = 25
PLAN = {
    "cohort": "simulated",
    "targets": TARGETS,
    "options": ["patients=60"],
    "recipe": ["epochs=60", "stack=2"],
}
SCRIPT = f"""
import sys
from rollcall import auditing
if __name__ == "__main__":
    study = auditing.plan(out=sys.argv[1], data=sys.argv[2], **{PLAN})
    auditing.train(study, scheduler=sys.argv[3])
"""


def start(folder: Path, data: Path, scheduler: str = "local") -> subprocess.Popen:
    """Train into a folder, in a process and a session of its own."""
    with open(folder / "stderr", "ab") as stderr:
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), str(data), scheduler],
            env=os.environ | {"PYTHONPATH": str(files.PACKAGE.parent)},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )


class Watch:
    """What was ever seen of a run's targets."""

    def __init__(self, folder: Path):
        self.folder, self.targets = folder, targets_in(folder)
        self.stamps: dict[str, int] = {}
        self.wrong: list[str] = []

    def look(self) -> None:
        for path in self.targets.glob("*.json"):
            stamp = path.stat().st_mtime_ns
            if self.stamps.setdefault(path.name, stamp) != stamp:
                self.wrong.append(f"{path} was stored again")
            try:
                run.open_run(path.parents[1]).logits(int(path.stem))
            except Exception as error:
                self.wrong.append(f"{path}: {error}")

    def compare(self, undisturbed: Path) -> None:
        self.look()
        for target in range(TARGETS):
            name = f"{target:04d}.npy"
            here, there = self.targets / name, targets_in(undisturbed) / name
            if not here.with_suffix(".json").exists() or here.read_bytes() != there.read_bytes():
                self.wrong.append(f"{here} is not the undisturbed run's")

    def note_exit(self, when: str, process: subprocess.Popen) -> None:
        text = (self.folder / "stderr").read_text()[-500:]
        self.wrong.append(f"{when} the training ended with {process.returncode}: {text}")


def targets_in(folder: Path) -> Path:
    return folder / "simulated" / "mlp" / "targets"


def kill_processes(process: subprocess.Popen, rng: random.Random) -> str:
    """SIGKILL the whole group, the parent alone, or one worker; return which."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        children = []
    kind = rng.choice(["all", "parent", "worker"]) if children else "all"
    if kind == "worker":
        rng.choice(children).kill()
        return kind
    (os.killpg if kind == "all" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    return kind


def disturb_dask(watch: Watch, undisturbed: Path, kills: int, rng: random.Random) -> int:
    """Kill Dask workers until a run is complete, up to `kills` times; return how many."""
    done = 0
    with cluster(watch.folder, 3) as (file, workers):
        process = start(watch.folder, undisturbed / "data", str(file))
        while process.poll() is None:
            time.sleep(rng.uniform(0.3, 2.5))
            if done < kills and process.poll() is None:
                number = rng.randrange(len(workers))
                os.killpg(workers[number].pid, signal.SIGKILL)
                workers[number].wait()
                workers[number] = dask_worker(file)
                done += 1
            watch.look()
        if process.returncode:
            watch.note_exit("left alone,", process)
        for worker in workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    return done


def disturb_processes(watch: Watch, undisturbed: Path, kills: int, rng: random.Random) -> int:
    """Kill processes, and start anew, until a run is complete, up to `kills` times; how many."""
    done = 0
    while True:
        process, before = start(watch.folder, undisturbed / "data"), done
        until = time.monotonic() + rng.uniform(2.0, 7.0)
        while process.poll() is None and (time.monotonic() < until or done >= kills):
            time.sleep(0.05)
        if process.poll() is None:
            kind = kill_processes(process, rng)
            done += 1
            watch.look()
            if kind == "worker":
                process.wait()  # the others go on; what is missing in the end is resumed here
        if process.returncode == 0:
            return done
        if done == before:
            watch.note_exit("left alone,", process)
            return done


def one_run(
    folder: Path, undisturbed: Path, kind: str, kills: int, rng: random.Random
) -> tuple[int, list[str]]:
    """Kill up to `kills` times until a run is complete, then compare: (kills, what was wrong)."""
    folder.mkdir()
    watch = Watch(folder)
    disturb = disturb_dask if kind == "dask" else disturb_processes
    done = disturb(watch, undisturbed, kills, rng)
    watch.compare(undisturbed)
    return done, watch.wrong


def main(kills: int = 200, kind: str = "processes", seed: int = 0) -> int:
    rng, started = random.Random(seed), time.monotonic()
    wrong: list[str] = []
    done, runs = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = Path(folder) / "undisturbed"
        undisturbed.mkdir()
        ended = start(undisturbed, undisturbed / "data").wait()
        assert ended == 0, (undisturbed / "stderr").read_text()
        while done < kills:
            most = min(kills - done, MOST_KILLS_OF_A_RUN)
            count, errors = one_run(Path(folder) / f"run-{runs}", undisturbed, kind, most, rng)
            done, runs, wrong = done + count, runs + 1, wrong + errors
            seconds = time.monotonic() - started
            print(
                f"{kind}: {done} kills in {runs} runs, {len(wrong)} wrong, {seconds:.0f} s",
                flush=True,
            )
    for line in wrong:
        print(line)
    return bool(wrong)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    converters = (int, str, int)[: len(arguments)]
    sys.exit(main(*(convert(text) for convert, text in zip(converters, arguments, strict=True))))
