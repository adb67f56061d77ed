"""What a report says, read by somebody who looks for few patients: numbers, and differences."""

import json
import re

import pandas as pd

from rollcall import auditing
from rollcall.data.groups import iterate_intersections, patient_attributes
from tests.report.gate.adversary import attack

SMALLEST = 10
PEOPLE = "patients|subjects|people|lesions|records|visits|stays|images|exams|studies"
FEW = re.compile(
    rf"(?<![\w.,/%–-])([1-9])(?= (?:other |more |exposed )?(?:of [\d,]+ )?(?:{PEOPLE})\b)"
)
COUNTS = re.compile(rf"^(?:{PEOPLE})(?:, estimated)?$|^exposed$|^of patients$|^in the top|interval")


def list_small_counts(twin: dict) -> list[str]:
    """Every text, and every cell that counts, in which a number from 1 to 9 counts somebody."""
    texts = [*twin["summary"], *twin["facts"].values(), twin["notice"], twin["title"]]
    texts += list_texts(twin.get("first_page", {})) + list_texts(twin.get("fields", []))
    small = []
    for part in twin["parts"]:
        texts += [text for figure in part["figures"] for text in figure.values()]
        texts += [table["caption"] for table in part["tables"]]
        for table in part["tables"]:
            texts += [cell for row in table["rows"] for cell in row]
            counting = [column for column in table["columns"] if COUNTS.search(column)]
            for row in table["rows"]:
                cells = dict(zip(table["columns"], row, strict=True))
                small += [
                    f"{column}: {cells[column]} in {row}"
                    for column in counting
                    if re.search(r"(?<![\w.,-])[1-9](?![\d.,%])", cells[column])
                ]
    return small + [text for text in texts if FEW.search(text)]


def list_texts(value) -> list[str]:
    """Every text in what a JSON file holds."""
    if isinstance(value, dict):
        return list_texts(list(value.values()))
    if isinstance(value, list):
        return [text for each in value for text in list_texts(each)]
    return [value] if isinstance(value, str) else []


def attack_report(study: auditing.Audit) -> tuple[list, int]:
    """What a reader of the tables of the cohort and of groups could work out; numbers read."""
    twin = json.loads(study.run.file("report.json").read_text())
    attributes = patient_attributes(study.cohort)
    exposed = pd.read_parquet(study.run.file("patients.parquet"))["exposed"].to_numpy()
    rows = [{"attribute": "(all)", "group": "(all)", "patients": len(attributes), "exposed": None}]
    if said := re.search(r"^([\d,]+) of|^None of", " ".join(twin["summary"][-5:]), re.M):
        rows[0]["exposed"] = int((said[1] or "0").replace(",", ""))
    if not exposed.any():
        rows[0]["exposed"] = 0
    unit = f"{study.cohort.unit}s"
    for part in twin["parts"]:
        for table in part["tables"]:
            if table["columns"][:2] == ["attribute", "group"] and unit in table["columns"]:
                for row in table["rows"]:
                    cells = dict(zip(table["columns"], row, strict=True))
                    rows.append(
                        {
                            "attribute": cells["attribute"],
                            "group": cells["group"].removesuffix(" (the outcome)"),
                            "patients": read_count(cells[unit]),
                            "exposed": read_count(cells.get("exposed", "–")),
                        }
                    )
    table = pd.DataFrame(rows).astype({"patients": "Int64", "exposed": "Int64"})
    crossed = list(iterate_intersections(attributes))
    given_away = attack(table, attributes, {"exposed": exposed}, SMALLEST, crossed)
    return given_away, int(table[["patients", "exposed"]].notna().sum().sum())


def read_count(text: str) -> int | None:
    return None if text == "–" else int(text.replace(",", ""))
