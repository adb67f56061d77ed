"""What is right in each lesson's exercises, and which wrong answers show a misconception."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from rollcall.report.lessons.checking import Task


@cache
def find_tasks(number: int) -> dict[str, Task]:
    """Make the tasks of a lesson: its module is loaded when something is checked."""
    return import_module(f"rollcall.report.lessons.exercises.lesson{number}").make_tasks()
