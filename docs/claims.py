"""Check the numbers of README and docs against the stored results that they were taken from.

`make claims` runs it, and so does tests/test_claims.py. docs/claims.toml holds the claims: a page,
a sentence with places for numbers, and the cell of a stored file for each place. Each file is
pinned by its sha256, so results that were drawn again bring every number of theirs back to mind:

    python -m docs.claims             check; a line for each fault, and exit status 1
    python -m docs.claims --pin       write the sha256 of the files as they are now, then check
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
CLAIMS = Path(__file__).with_suffix(".toml")
STORED = TOP / "results" / "gallery"
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
# No claims about results: code, links and pictures.
OTHER = re.compile(
    r"```.*?```|^    \S.*?$|`[^`]*`|\]\([^)]*\)|https?://\S+", re.DOTALL | re.MULTILINE
)
QUOTE = re.compile(r"^> ?", re.MULTILINE)


class Cell(str):
    """What a cell says; rounded where the place says how: {a:.0f}."""

    def __format__(self, spec: str) -> str:
        return format(float(self.replace(",", "").strip("%")), spec) if spec else str(self)


def read_rows(text: str) -> Iterator[dict[str, str]]:
    """Read the rows of all tables of a markdown page, each by its table's header."""
    header = []
    for line in text.splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if header and set("".join(cells)) - set("-| "):
            yield dict(zip(header, cells, strict=True))
        header = header or cells


def read_cell(address: str) -> Cell:
    """Read a cell: file.json#/a/0/b (RFC 6901); file.csv#row/column or file.md#row/column, a row by
    its first cell.

    With @2 at its end: the third number in the cell. KeyError, with the address, if there is none.
    """
    place, _, number = address.partition("@")
    name, _, place = place.partition("#")
    try:
        text = (STORED / name).read_text(encoding="utf-8")
        if name.endswith(".json"):
            inside = json.loads(text)
            for key in place.split("/")[1:]:
                key = key.replace("~1", "/").replace("~0", "~")
                inside = inside[int(key)] if isinstance(inside, list) else inside[key]
        else:
            row, column = place.rsplit("/", 1)
            rows = csv.DictReader(text.splitlines()) if name.endswith(".csv") else read_rows(text)
            inside = next(
                each[column] for each in rows if column in each and row in list(each.values())[:1]
            )
        return Cell(NUMBER.findall(str(inside))[int(number)] if number else inside)
    except (OSError, KeyError, IndexError, ValueError, TypeError, StopIteration):
        raise KeyError(address) from None


def fill(claim: dict) -> str:
    """Return the sentence of a claim, in one line, with the numbers that are stored."""
    cells = {name: read_cell(address) for name, address in claim["cells"].items()}
    return " ".join(claim["text"].format(**cells).split())


def list_faults(claims: dict) -> list[str]:
    """List what is not as stored: a file that has changed, a sentence that its page has not."""
    faults = []
    for name, digest in claims["files"].items():
        path = STORED / name
        if not path.exists():
            faults.append(f"{path}: not there; `make gallery` draws it")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            faults.append(
                f"{path}: has changed since its numbers were pinned; read again what is claimed of "
                "it, then `python -m docs.claims --pin`"
            )
    for claim in claims["claim"]:
        used = {address.partition("#")[0] for address in claim["cells"].values()}
        faults += [f"{name}: claimed of, but not pinned" for name in used - set(claims["files"])]
        try:
            sentence = fill(claim)
        except KeyError as error:
            faults.append(f"{claim['page']}: no such cell: {error.args[0]}")
            continue
        page = " ".join(QUOTE.sub("", (TOP / claim["page"]).read_text(encoding="utf-8")).split())
        if sentence not in page:
            faults.append(f"{claim['page']} does not say what is stored: {sentence}")
    return faults


def list_unpinned(claims: dict, page: str) -> list[str]:
    """List the numbers of a page that no claim covers and that are not given as no result.

    Each with the words around it.
    """
    text = OTHER.sub(" ", QUOTE.sub("", (TOP / page).read_text(encoding="utf-8")))
    text = " ".join(text.split())
    phrases = [fill(claim) for claim in claims["claim"] if claim["page"] == page]
    phrases += [each["text"] for each in claims["given"] if each["page"] == page]
    for phrase in sorted(phrases, key=len, reverse=True):
        text = text.replace(" ".join(OTHER.sub(" ", phrase).split()), " … ")
    return [text[max(0, at.start() - 30) : at.end() + 30] for at in NUMBER.finditer(text)]


def pin(claims: dict) -> None:
    """Write the sha256 of each pinned file into claims.toml."""
    text = CLAIMS.read_text(encoding="utf-8")
    for name, digest in claims["files"].items():
        new = hashlib.sha256((STORED / name).read_bytes()).hexdigest()
        text = text.replace(f'"{name}" = "{digest}"', f'"{name}" = "{new}"')
    CLAIMS.write_text(text, encoding="utf-8")


def check() -> list[str]:
    """Check all that claims.toml has; return a line for each fault."""
    claims = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))
    return list_faults(claims) or [
        f"{page}: no claim covers “{words}”"
        for page in claims["whole"]
        for words in list_unpinned(claims, page)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Check, or pin and check; return the exit status."""
    about = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser("python -m docs.claims", description=about)
    parser.add_argument("--pin", action="store_true", help="take the files as they are now")
    if parser.parse_args(arguments).pin:
        pin(tomllib.loads(CLAIMS.read_text(encoding="utf-8")))
    faults = check()
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    claims = tomllib.loads(CLAIMS.read_text(encoding="utf-8"))
    numbers = sum(len(NUMBER.findall(fill(claim))) for claim in claims["claim"])
    print(f"{numbers} numbers are those of {len(claims['files'])} stored files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
