"""A small report for tests, of what is given and otherwise of made-up words."""

from rollcall.report.page import Document
from rollcall.report.page import write_page as write
from rollcall.report.page.fields import QUESTIONS, fill_in
from rollcall.report.words.opening import write_opening
from tests.report.words.test_sentences import find, groups

TOOL = {"version": "0.1.0", "commit": "a" * 40, "sources": "b" * 64}
FINDINGS = find(groups=groups({}))


def make_document(**changes):
    values = {
        "kind": "recipe",
        "title": "A report",
        "opening": write_opening(FINDINGS, 32),
        "audited": {"What": "a way of training", "Auditor": "nobody <yet>"},
        "fields": fill_in({number: f"answer {number}" for number in QUESTIONS if number != 2}),
        "summary": ["One sentence."],
        "facts": {"cohort": "made up"},
        "tool": TOOL,
        "day": "2026-11-30",
        "files": ("Keep patients.parquet.", "Keep patients.parquet, and more."),
        "texts": {
            "made": "Made twice.",
            "share": "half",
            "power": "Little.",
            "mitigations": "None.",
        },
        "numbers": {"patients": 2000, "models": 64, "exposed": 89},
        "hashes": {"a.parquet": "c" * 64},
        "command": "rollcall audit",
    }
    return Document(**(values | changes))


def write_page(output, notebooks=(), **changes):
    write(output, make_document(**changes), notebooks)
