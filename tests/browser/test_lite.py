"""A lesson in a browser tab: nothing but a folder of files, and a browser that asks for no more.

It takes pyodide's distribution, which is not ours to ship: ROLLCALL_PYODIDE names it.
"""

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest

from docs.lite.__main__ import TOOLS, build

SOURCE = os.environ.get("ROLLCALL_PYODIDE", "")
PATIENCE_MS = 600_000
# No cell waits, some looks in a row, and there are pictures.
DONE = """() => {
    const idle = document.querySelector('.jp-Notebook-ExecutionIndicator').dataset.status === 'idle'
    const prompts = [...document.querySelectorAll('.jp-NotebookPanel .jp-InputPrompt')]
    const waits = prompts.some((prompt) => prompt.innerText.includes('*'))
    const shown = document.querySelector('.jp-NotebookPanel figure img') !== null
    window.timesDone = idle && shown && !waits ? (window.timesDone ?? 0) + 1 : 0
    return window.timesDone >= 10
}"""
SCROLL = """(share) => {
    const panel = document.querySelector('.jp-WindowedPanel-outer')
    panel.scrollTop = share * panel.scrollHeight
}"""
ERROR = '[data-mime-type="application/vnd.jupyter.error"]'
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE, reason="ROLLCALL_PYODIDE names no distribution of pyodide"),
    pytest.mark.skipif(not TOOLS.exists(), reason="no JupyterLite: make lite has not been run"),
]


class Silent(http.server.SimpleHTTPRequestHandler):
    """A plain server of files that says nothing."""

    def log_message(self, format, *args):
        pass


@pytest.fixture
def address(tmp_path):
    """The address of a site that was just built."""
    build(tmp_path / "site", Path(SOURCE))
    handler = functools.partial(Silent, directory=tmp_path / "site")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def look_for(something, page):
    """Scroll from the top until it is seen: what is far from sight is not in the page."""
    for part in range(60):
        page.evaluate(SCROLL, part / 60)
        page.wait_for_timeout(300)
        if something.is_visible():
            return
    raise AssertionError(f"{something} is nowhere")


def test_lesson_0_runs_to_its_end_and_asks_no_other_machine(address, visit, traffic, tmp_path):
    page = visit(address)
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    page.get_by_role("link", name="Was she in?").first.click()
    page.get_by_text("Python (Pyodide) | Idle").wait_for(timeout=PATIENCE_MS)
    assert page.locator(".jp-DirListing-item").count() >= 7  # the lessons of the track
    page.get_by_role("menubar").get_by_text("Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(DONE, timeout=PATIENCE_MS, polling=300)
    slider = page.get_by_role("slider").first
    look_for(slider, page)
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".widget-html img").first.wait_for(timeout=PATIENCE_MS)
    page.screenshot(path=tmp_path / "slider.png")
    look_for(page.get_by_role("heading", name="Before you go"), page)
    page.screenshot(path=tmp_path / "end.png")
    assert page.locator(ERROR).count() == 0
    assert not traffic.errors
    assert all(asked.startswith((address, "data:", "blob:")) for asked in traffic.asked)
