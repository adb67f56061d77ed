"""Random SIGKILLs over the life of several runs: python -m tests.end_to_end.sigkill [kills] [processes|dask] [seed] -> what was found, exit status 1 if anything is wrong.

processes: the training process with its workers, the training process alone, or one of its workers. dask: one of three Dask workers, replaced.
After every kill: each stored target's hash is right, and none that was stored was stored again. At the end of each run: every target is there, and
its logits are bit for bit those of a run that nobody disturbed.
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
from tests.training.test_dask_cluster import cluster

PLAN = """
import sys
from rollcall import audit
if __name__ == "__main__":
    plan = audit.plan(cohort="simulated", targets=16, out=sys.argv[1], data=sys.argv[2], options=["patients=60"], recipe=["epochs=60", "stack=2"])
    audit.train(plan, scheduler=sys.argv[3])
"""


def start(folder: Path, data: Path, scheduler: str = "local") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PLAN, str(folder), str(data), scheduler],
        env=os.environ | {"PYTHONPATH": str(files.home())},
        stdout=subprocess.DEVNULL,
        stderr=open(folder / "stderr", "ab"),
        start_new_session=True,
    )


class Watch:
    """What was ever seen of a run's targets."""

    def __init__(self, folder: Path):
        self.targets, self.stamps, self.wrong = folder / "simulated" / "mlp" / "targets", {}, []

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
        for target in range(16):
            mine, theirs = (
                self.targets / f"{target:04d}.npy",
                undisturbed / "simulated" / "mlp" / "targets" / f"{target:04d}.npy",
            )
            if not mine.with_suffix(".json").exists() or mine.read_bytes() != theirs.read_bytes():
                self.wrong.append(f"{mine} is not the undisturbed run's")


def kill_processes(process: subprocess.Popen, chance: random.Random) -> str:
    """SIGKILL the whole group, the parent alone, or one worker. Says which."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        children = []
    kind = chance.choice(["all", "parent", "worker"]) if children else "all"
    if kind == "worker":
        chance.choice(children).kill()
        return kind
    (os.killpg if kind == "all" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    return kind


def one_run(
    folder: Path, undisturbed: Path, kind: str, kills: int, chance: random.Random
) -> tuple[int, list[str]]:
    """Kill up to `kills` times until a run is complete, then compare: (kills, what was wrong)."""
    folder.mkdir()
    watch, done = Watch(folder), 0
    if kind == "dask":
        with cluster(folder, 3) as (file, processes):
            from tests.training.test_dask_cluster import dask_worker

            process = start(folder, undisturbed / "data", str(file))
            while process.poll() is None:
                time.sleep(chance.uniform(0.3, 2.5))
                if done < kills and process.poll() is None:
                    at = chance.randrange(len(processes))
                    os.killpg(processes[at].pid, signal.SIGKILL)
                    processes[at].wait()
                    processes[at] = dask_worker(file)
                    done += 1
                watch.look()
            if process.returncode:
                watch.wrong.append(
                    f"the training ended with {process.returncode}: {(folder / 'stderr').read_text()[-500:]}"
                )
            for process in processes:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    else:
        while True:
            process, before = start(folder, undisturbed / "data"), done
            until = time.monotonic() + chance.uniform(2.0, 7.0)
            while process.poll() is None and (time.monotonic() < until or done >= kills):
                time.sleep(0.05)
            if process.poll() is None:
                kind_of = kill_processes(process, chance)
                done += 1
                watch.look()
                if kind_of == "worker":
                    process.wait()  # the other goes on; what is missing in the end is said, and resumed here
            if process.returncode == 0:
                break
            if done == before:
                watch.wrong.append(
                    f"left alone, the training ended with {process.returncode}: {(folder / 'stderr').read_text()[-500:]}"
                )
                break
    watch.compare(undisturbed)
    return done, watch.wrong


def main(kills: int = 200, kind: str = "processes", seed: int = 0) -> int:
    chance, wrong, done, runs, started = random.Random(seed), [], 0, 0, time.time()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = Path(folder) / "undisturbed"
        undisturbed.mkdir()
        assert start(undisturbed, undisturbed / "data").wait() == 0, (
            undisturbed / "stderr"
        ).read_text()
        while done < kills:
            count, found = one_run(
                Path(folder) / f"run-{runs}", undisturbed, kind, min(kills - done, 25), chance
            )
            done, runs, wrong = done + count, runs + 1, wrong + found
            print(
                f"{kind}: {done} kills in {runs} runs, {len(wrong)} wrong, {time.time() - started:.0f} s",
                flush=True,
            )
    for line in wrong:
        print(line)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*(convert(text) for convert, text in zip((int, str, int), sys.argv[1:]))))
