"""What may I say? Eight reports, and what a sentence about each must and must not claim.

A sentence is judged by its words, so a clever one can slip through: it is practice, not proof.
"""

from __future__ import annotations

import html
import re
import tomllib

from IPython.display import HTML

from rollcall.report.lessons.asking import WORDS
from rollcall.util.errors import InputError


def show_report(number: int) -> HTML:
    """Show one of the eight reports, 1 to 8."""
    text = html.escape(_read(number)["text"])
    return HTML(f"<blockquote><strong>Report {number} of 8.</strong> {text}</blockquote>")


def judge_sentence(number: int, sentence) -> HTML:
    """Judge a sentence about a report: what it claims without ground, what it leaves out."""
    verdict, dot, text = _judge(_read(number), sentence).partition(".")
    return HTML(f"<p><strong>{verdict}{dot}</strong>{html.escape(text)}</p>")


def _judge(report: dict, sentence) -> str:
    if sentence is ... or not str(sentence).strip():
        return 'Open. Write one sentence in place of "...".'
    text = " ".join(str(sentence).lower().split())
    for claim in report["refused"]:
        if re.search(claim["pattern"], text):
            return f"Not yet. {claim['because']}"
    for claim in report["needed"]:
        if not re.search(claim["pattern"], text):
            return f"Not yet. {claim['because']}"
    return f"May be said. Another way to say it: {report['sentence']}"


def _read(number: int) -> dict:
    reports = tomllib.loads((WORDS / "reports.toml").read_text(encoding="utf-8"))["reports"]
    if number not in range(1, len(reports) + 1):
        raise InputError(f"report {number!r}: expected 1 to {len(reports)}")
    return reports[number - 1]
