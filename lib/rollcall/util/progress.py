"""One progress bar for every long step: a widget in JupyterLab, plain text elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager


@contextmanager
def bar(total: float, description: str, unit: str):
    """Show a bar; the context's value is a function that takes the amount done so far."""
    if os.environ.get("ROLLCALL_PLAIN_PROGRESS"):
        from tqdm import tqdm
    else:
        from tqdm.auto import tqdm
    layout = "{desc}: {percentage:3.0f}%|{bar:24}| {n:.0f}/{total:.0f} "
    with tqdm(
        total=total,
        desc=description,
        unit=unit,
        bar_format=layout + unit + "s [{elapsed}<{remaining}]",
    ) as shown:

        def show(done: float) -> None:
            shown.update(done - shown.n)

        yield show


def track(items, description: str, unit: str):
    """Iterate over `items` behind a bar."""
    items = list(items)
    with bar(len(items), description, unit) as show:
        for done, item in enumerate(items, 1):
            yield item
            show(done)


def announce(text: str) -> None:
    """Write one line on stderr: what a long step is about."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)
