"""Build the site of pages, executed notebooks and lessons: `make site`, or python -m docs.site.

Needs a finished demo in --out (`make audit`), Node.js, and Jupyter Book (pip install
'jupyter-book>=2.1').
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from docs.site.checking import find_broken
from docs.site.pages import LESSONS, write_pages
from docs.site.staging import HERE, TOP, list_pages
from rollcall.report.notebooks import execute_notebook
from rollcall.report.notebooks.kernels import start_kernel_server
from rollcall.util.errors import InputError

DEMO = Path("simulated") / "mlp"
EXPLORER = "notebooks/explore.ipynb"
LINKS = "links.txt"  # of the site: addresses on the network that its pages name
OURS = HERE / "theme"
OF_DEMO = ("1_train", "2_attack", "3_disparity")


def collect_books(out: Path, data: Path, work: Path) -> dict[str, dict]:
    """Return the site's notebooks: page -> book, executed where they are of the demo or lessons.

    out, data: folders with the demo's results and patients; work: an empty folder to run in.
    """
    sources = {name: TOP / name for name in list_pages() if name.endswith(".ipynb")}
    for stem in OF_DEMO:
        path = out / DEMO / "notebooks" / f"{stem}.ipynb"
        if not path.is_file():
            raise InputError(f"no finished demo in {out} ({path} is missing): run `make audit`")
        sources[f"notebooks/{stem}.ipynb"] = path
    run = {
        page: {}
        for page in sorted(str(path.relative_to(TOP)) for path in (TOP / LESSONS).glob("*.ipynb"))
    }
    run[EXPLORER] = {"run": str(DEMO), "out": str(out), "data": str(data), "stills": True}
    with start_kernel_server() as server:
        for page, parameters in run.items():
            print(f"running {page}", flush=True)
            sources[page] = work / Path(page).name
            execute_notebook(TOP / page, sources[page], parameters, work, server=server)
    books = {}
    for page, path in sources.items():
        text = path.read_text(encoding="utf-8")
        for folder, word in ((out, "results"), (data, "data"), (TOP / "data", "data"), (TOP, ".")):
            text = text.replace(json.dumps(str(folder))[1:-1], word)  # whose folders is not told
        books[page] = json.loads(text)
    return books


def check(theme: Path, to: Path) -> None:
    """InputError, before anything is run, if a tool is missing or `to` holds something else."""
    if find_spec("jupyter_book") is None:
        raise InputError("the site is built by Jupyter Book: pip install 'jupyter-book>=2.1'")
    if shutil.which("node") is None:
        raise InputError("Jupyter Book runs on Node.js 20 or later, which is not there (node)")
    if not (theme / "template.yml").is_file():
        raise InputError(f"{theme} is no theme of MyST: it has no template.yml")
    if to.exists() and not (to / LINKS).is_file() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to} holds something else than a site; give another folder by --to")


def build(stage: Path, theme: Path, to: Path) -> None:
    """Let MyST build the site of `stage` with a theme; put it into folder `to`, in place of one.

    RuntimeError with MyST's words if a link leads nowhere.
    """
    shutil.copytree(theme, stage / "theme")
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_book", "build", "--html", "--strict", "--ci"],
        cwd=stage,
        env={**os.environ, "PATH": paths, "PYTHONPATH": str(TOP), "MYSTMD_ALLOW_NODEENV": "no"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        words = (done.stdout + done.stderr).splitlines()
        kept = [line for line in words if line.strip() and not line.startswith("📖 Built")]
        raise RuntimeError("\n".join(["the site was not built:", *kept]))
    made = stage / "_build" / "html"
    if theme == OURS and (broken := find_broken(made)):
        raise RuntimeError("\n".join(["links of the site lead nowhere:", *broken]))
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(made, to)


def main(words: list[str] | None = None) -> int:
    """Build the site; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=TOP / "results", help="folder with the demo")
    parser.add_argument("--data", type=Path, default=TOP / "data", help="folder with its patients")
    parser.add_argument("--to", type=Path, help="folder for the site; else site/ in --out")
    parser.add_argument("--theme", type=Path, default=OURS, help="a theme of MyST")
    chosen = parser.parse_args(words)
    to = chosen.to or chosen.out / "site"
    with tempfile.TemporaryDirectory() as folder:
        stage, work = Path(folder) / "stage", Path(folder) / "work"
        work.mkdir()
        try:
            check(chosen.theme, to)
            books = collect_books(chosen.out.resolve(), chosen.data.resolve(), work)
            outside = write_pages(stage, books)
            build(stage, chosen.theme, to)
        except (InputError, RuntimeError) as error:
            print(error, file=sys.stderr)
            return 2 if isinstance(error, InputError) else 1
    (to / LINKS).write_text("\n".join(sorted(outside)) + "\n", encoding="utf-8")
    print(f"{to / 'index.html'}; {len(outside)} addresses on the network, unchecked: {LINKS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
