"""Draw results/gallery from finished runs of open and simulated data.

`make gallery OUT=results` runs it. results/gallery/gallery.toml says which runs, and which of their
figures. Each has a folder with the report's twin for programs (report.json) and the figures: PNG,
and the numbers they draw as csv. README.md beside them names for each run what it was made from,
by the digest that stands in its figures and reports. Runs and experiments that are not there keep
what was drawn before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from rollcall.__main__ import main as rollcall
from rollcall.runs.sealed import compute_digest

GALLERY = Path(__file__).resolve().parents[1] / "results" / "gallery"
KEPT = (".png", ".csv")  # of what is drawn; PDF and SVG are made anew by `rollcall figure`


def draw(name: str, entry: dict, out: Path) -> None:
    """Draw the figures of one run and take its report.json."""
    run, folder = out / entry["run"], GALLERY / name
    folder.mkdir(exist_ok=True)
    shutil.copyfile(run / "report.json", folder / "report.json")
    for table in entry.get("tables", ()):
        if (out / table).exists():
            shutil.copyfile(out / table, folder / table)
    with tempfile.TemporaryDirectory() as drawn:
        for figure in entry["figures"]:
            rollcall(["figure", figure, "--out", str(out), "--run", entry["run"], "--to", drawn])
        for figure in entry.get("experiments", ()):
            rollcall(["figure", figure, "--out", str(out), "--to", drawn])
        for path in sorted(Path(drawn).rglob("*")):
            if path.suffix in KEPT and name in path.parts:
                shutil.copyfile(path, folder / path.name)


def write_index(entries: dict[str, dict]) -> str:
    """Return the gallery's README.md: of each run its command, what it was made from, figures."""
    lines = ["# Gallery", ""]
    lines += ["Drawn by `make gallery` from finished runs of open and simulated data.", ""]
    for name, entry in entries.items():
        folder = GALLERY / name
        if not (folder / "report.json").exists():
            continue
        twin = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        digest = compute_digest(twin["made_from"])
        lines += [f"## {name}", "", f"    {entry['command']}", ""]
        lines += [f"Made from `{digest}`. [The report's numbers]({name}/report.json).", ""]
        for path in sorted(folder.glob("*.png")):
            lines += [f"![{path.stem} of {name}]({name}/{path.name})", ""]
        paths = [path for path in sorted(folder.iterdir()) if path.suffix in (".csv", ".md")]
        tables = [f"[{path.name}]({name}/{path.name})" for path in paths]
        lines += [f"As numbers: {', '.join(tables)}", ""] if tables else []
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Draw what is there, and say what is not."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser("python -m docs.gallery", description=about)
    parser.add_argument("--out", default="results", help="folder with the finished runs")
    out = Path(parser.parse_args(arguments).out)
    entries = tomllib.loads((GALLERY / "gallery.toml").read_text(encoding="utf-8"))
    for name, entry in entries.items():
        if (out / entry["run"] / "report.json").exists():
            draw(name, entry, out)
        else:
            print(f"{out / entry['run']}: no finished run; left as it was", file=sys.stderr)
    (GALLERY / "README.md").write_text(write_index(entries), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
