"""One progress bar for every long step: a widget in JupyterLab, plain text in logs and under the command line."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager


@contextmanager
def bar(total: float, description: str, unit: str):
    """A bar as a context; the value it gives takes the amount done so far (not the increment)."""
    if os.environ.get("ROLLCALL_PLAIN_PROGRESS"):
        from tqdm import tqdm
    else:
        from tqdm.auto import tqdm
    with tqdm(
        total=total,
        desc=description,
        unit=unit,
        bar_format="{desc}: {percentage:3.0f}%|{bar:24}| {n:.0f}/{total:.0f} "
        + unit
        + "s [{elapsed}<{remaining}]",
    ) as shown:

        def at(done: float) -> None:
            shown.update(done - shown.n)

        yield at


def track(items, description: str, unit: str):
    """Iterate over `items` behind a bar."""
    items = list(items)
    with bar(len(items), description, unit) as at:
        for done, item in enumerate(items, 1):
            yield item
            at(done)


def announce(text: str) -> None:
    """One line on stderr: what a long step is about."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)
