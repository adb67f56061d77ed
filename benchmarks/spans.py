"""When the stages of an audit begin and end: noted inside its processes, not by the library.

`benchmarks.audit` lets a process of its own run the command line here. What stages are made of is
wrapped where it is looked up. Each call leaves a line of json in a file: what, start, end
(time.time()). Nothing is imported here that the audit's processes would import later.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from operator import attrgetter

BETWEEN, IMPORTS, TRAINING = "between cells", "imports", "training"
# stage -> the functions of a kernel that it is made of, where they are exported
CALLS = {
    "planning in kernels": ("rollcall.auditing:plan",),
    TRAINING: ("rollcall.auditing:train",),
    "scores, tables of attacks": ("rollcall.auditing:attack",),
    "blind features": ("rollcall.attacks:compute_features",),
    "attacks": ("rollcall.attacks:run_blind",),  # and those in rollcall.attacks.ATTACKS
    "evaluation": ("rollcall.attacks:run_all",),
    "risk": ("rollcall.risk:combine_labels", "rollcall.risk:assess_risk"),
    "disparity": ("rollcall.auditing:disparity",),
    "paper panel": ("rollcall.auditing:paper",),
    "figures and tables": tuple(
        f"rollcall.auditing:Audit.{name}" for name in ("show", "table", "notice", "summary")
    ),
}


def run_command(file: str, words: list[str]) -> int:
    """Run `rollcall` with `words`; note in `file` when notebooks and what is in them ran."""
    from rollcall.__main__ import main
    from rollcall.report import notebooks

    execute = notebooks.execute_notebook
    watch = f"__import__('benchmarks.spans').spans.watch_kernel({file!r})"

    def execute_watched(*arguments, **options):
        call = inspect.signature(execute).bind(*arguments, **options)
        call.arguments["first"] = "; ".join(filter(None, (call.arguments.get("first"), watch)))
        return execute(*call.args, **call.kwargs)

    notebooks.execute_notebook = _note(file, BETWEEN, execute_watched)
    return main(words)


def watch_kernel(file: str) -> None:
    """Note in `file` when this process imports, plans, trains, attacks, draws, ..."""
    _watch(file, "rollcall.auditing")
    auditing = import_module("rollcall.auditing")
    attack = auditing.attack

    def attack_watched(*arguments, **options):
        _watch(file, "rollcall.attacks")  # not before: kernels that attack nothing need no attacks
        _watch(file, "rollcall.risk")
        return attack(*arguments, **options)

    auditing.attack = attack_watched


def _watch(file: str, module: str) -> None:
    """Import a module; let what CALLS names of it be noted wherever it has been imported to."""
    exporter = _note(file, IMPORTS, import_module)(module)
    names = [(stage, name.partition(":")) for stage, each in CALLS.items() for name in each]
    for stage, (_, _, path) in [call for call in names if call[1][0] == module]:
        function, (owner, _, name) = attrgetter(path)(exporter), path.rpartition(".")
        loaded = [sys.modules[key] for key in sys.modules if key.startswith("rollcall.")]
        for holder in [attrgetter(owner)(exporter)] if owner else loaded:
            if getattr(holder, name, None) is function:
                setattr(holder, name, _note(file, stage, function))
    if module == "rollcall.attacks":
        attacks = exporter.ATTACKS
        attacks |= {key: _note(file, "attacks", attack) for key, attack in attacks.items()}


def _note(file: str, what: str, function: Callable) -> Callable:
    @wraps(function)
    def noted(*arguments, **options):
        started = time.time()
        try:
            return function(*arguments, **options)
        finally:
            with open(file, "a", encoding="utf-8") as lines:
                lines.write(json.dumps([what, started, time.time()]) + "\n")

    return noted


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1], sys.argv[2:]))
