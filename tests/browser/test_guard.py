"""The browser of these tests refuses what is not on this machine, and says what was asked for."""

import pytest

Error = pytest.importorskip("playwright.sync_api").Error

OUTSIDE = "https://example.org/a.png"


def test_a_request_that_leaves_is_refused_and_noted(visit, traffic, tmp_path):
    (tmp_path / "near.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    page = tmp_path / "page.html"
    page.write_text(f'<title>Here</title><img src="{OUTSIDE}"><img src="near.svg">')
    assert visit(page.as_uri(), width=390).title() == "Here"
    assert {page.as_uri(), (tmp_path / "near.svg").as_uri(), OUTSIDE} == set(traffic.asked)
    assert traffic.refused == [OUTSIDE]
    traffic.refused.clear()  # was the test's own wish


def test_no_name_is_looked_up(chromium):
    window = chromium.new_context()
    page = window.new_page()
    try:
        page.goto("http://example.org/")
        reached = True
    except Error as error:
        reached = "ERR_NAME_NOT_RESOLVED" not in str(error)
    window.close()
    assert not reached
