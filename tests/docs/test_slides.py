"""Slides: every message belongs to a picture; size, type and alt text of what is drawn."""

import json

import numpy as np
import pytest
from PIL import Image

from docs import slides
from docs.slides import FOLDER, PIXELS, Slide, make_slides, read_words, run, wrap, write_list
from rollcall.report import lessons

LESSONS = sorted(FOLDER.glob("[0-9]*.ipynb"))
SOURCE = """
from rollcall.report import lessons
import numpy as np
def draw(n):
    return lessons.draw_curves({"a": (np.arange(n), np.arange(n))}, "x", "y", f"{n} of them.")
lessons.slide(draw, [2, 3, 4], start=2, label="n")
"""


def test_every_message_belongs_to_one_cell_of_its_lesson():
    cells = {
        int(path.stem[0]): [
            "".join(cell["source"])
            for cell in json.loads(path.read_text())["cells"]
            if cell["cell_type"] == "code"
        ]
        for path in LESSONS
    }
    for entry in read_words():
        inside = [source for source in cells[entry["lesson"]] if entry["cell"] in source]
        if entry.get("skip"):
            assert inside
            continue
        assert len(inside) == 1, f"docs/slides.toml, {entry['title']}: in {len(inside)} cells"
        assert "lessons.s" in inside[0]
        for message in (entry, entry.get("last", entry)):
            assert len(wrap(message["title"])) <= 2
            assert "\n" not in message["note"]
            assert len(message["note"]) <= 110


def test_a_slider_gives_its_first_and_its_last_picture(tmp_path, monkeypatch):
    path = tmp_path / "9_made_up.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": SOURCE}]}))
    ((source, pictures),) = run(path)
    assert source == SOURCE
    assert [figure.caption for figure in pictures] == ["2 of them.", "4 of them."]
    entry = {"lesson": 9, "cell": "[2, 3, 4]", "title": "Few", "note": "Look."}
    monkeypatch.setattr(slides, "read_words", lambda: [entry])
    made = make_slides(path)
    assert [(slide.name, slide.title, slide.note) for slide in made] == [
        ("9-01", "Few", "Look."),
        ("9-02", "4 of them", ""),
    ]


@pytest.mark.parametrize("rows", [1, 5])
def test_a_slide_is_read_from_the_last_row(rows, tmp_path):
    shares = {f"group {row}": (0.2, 0.1, 0.3) for row in range(rows)}
    figure = lessons.draw_shares(shares, "share", "Shares.")
    slide = Slide("4-01", figure, "One group is highly exposed far more often than others", "Say.")
    slides.draw(slide, tmp_path / "4-01.png")
    with Image.open(tmp_path / "4-01.png") as picture:
        assert picture.size == PIXELS
        assert picture.info["Description"] == figure.alt
        inside = np.asarray(picture.convert("L"))
    assert inside[:8].min() == inside[-8:].min() == 255  # nothing runs out of the slide
    height = figure.drawing.get_figheight()
    for ax in figure.drawing.axes:
        for text in (*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label):
            assert text.get_size() / 72 / height >= 1 / 32
    texts = [text for text in figure.drawing.texts if text.get_weight() == "bold"]
    box = texts[0].get_window_extent()
    assert box.x1 < PIXELS[0]
    assert all(ax.get_tightbbox().y1 <= box.y0 for ax in figure.drawing.axes)


def test_the_list_has_alt_text_message_and_note():
    figure = lessons.draw_shares({"group [A]": (0.2, 0.1, 0.3)}, "share", "Shares.")
    text = write_list([Slide("4-01", figure, "One group", "Say this.")], "Who?")
    assert "## Who?" in text
    assert "group (A) 0.2 (0.1 to 0.3).](4-01.png)" in text
    assert "**One group** Say this." in text
