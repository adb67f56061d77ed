"""Debian's chromium, driven by Playwright: pages as people meet them, and what they ask for.

A page that asks for anything outside this machine is refused it, and its test fails. Every test
here is skipped, with the reason, where there is no chromium.

    def test_a_page(visit):
        page = visit("file:///tmp/report.html", width=390, dark=True)
        assert page.title() == "Privacy audit: simulated"

The fixtures end with this folder, not with the session: while Playwright's sync API is at work,
asyncio runs in this thread, and no other test could start a kernel from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.lab import lab

__all__ = ["lab"]  # a fixture

CHROMIUM = Path("/usr/bin/chromium")
OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
HERE = {"127.0.0.1", "localhost", "[::1]", "::1"}
PATIENCE_MS = 60_000  # the machine may be busy


@dataclass
class Traffic:
    """What pages asked for in one test: addresses in order, those that left the machine apart."""

    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # of scripts, as the console has them

    def note(self, address: str) -> bool:
        """Note an address, and tell whether it stays on this machine."""
        parts = urlsplit(address)
        self.asked.append(address)
        stays = parts.scheme in ("file", "data", "blob", "about") or parts.hostname in HERE
        if not stays:
            self.refused.append(address)
        return stays


@pytest.fixture(scope="package")
def chromium() -> Iterator:
    """The browser (playwright.sync_api.Browser), started once for the tests of this folder."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no chromium at {CHROMIUM}: apt-get install chromium")
    options = [*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    """Every request of this test; at its end, that none of them left the machine."""
    noted = Traffic()
    yield noted
    assert not noted.refused, f"asked for what is not on this machine: {noted.refused}"


def open_window(
    chromium, traffic: Traffic, width: int = 1280, height: int = 800, dark: bool = False, **options
):
    """Open a window (playwright's BrowserContext) whose pages are refused what is not here.

    options: those of Browser.new_context, such as java_script_enabled.
    """

    def guard(route):
        if traffic.note(route.request.url):
            route.continue_()
        else:
            route.abort()

    def listen(page):
        page.on("websocket", lambda socket: traffic.note(socket.url))
        page.on("pageerror", lambda error: traffic.errors.append(str(error)))

    size = {"width": width, "height": height}
    scheme = "dark" if dark else "light"
    window = chromium.new_context(viewport=size, color_scheme=scheme, **options)
    window.set_default_timeout(PATIENCE_MS)
    window.route("**/*", guard)
    window.on("page", listen)
    return window


@pytest.fixture
def visit(chromium, traffic) -> Iterator[Callable]:
    """A function that opens an address in a fresh window, and gives the playwright Page.

    visit(address, width=1280, height=800, dark=False, **options): options as of open_window.
    """
    windows = []

    def open_page(address: str, **options):
        windows.append(open_window(chromium, traffic, **options))
        page = windows[-1].new_page()
        page.goto(str(address))
        return page

    yield open_page
    for window in windows:
        window.close()
