"""The door: a finished run is taken up, a step is taken once, everything named can be shown."""

import re
import shutil

import pandas as pd
import pytest

from rollcall import auditing
from rollcall.report import catalogue
from rollcall.util.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(finished, tmp_path_factory):
    """A copy of the finished audit opened again, as a notebook opens it."""
    out = tmp_path_factory.mktemp("copy") / "results"
    shutil.copytree(finished.out, out)
    return auditing.plan(
        cohort="simulated",
        targets=16,
        out=str(out),
        data=str(finished.data),
        options=["patients=120"],
        recipe=["epochs=30"],
    )


@pytest.mark.parametrize("name", catalogue.FIGURES)
def test_every_figure_shows_its_texts(study, name):
    shown = study.show(name).data
    few = ("named", "group_survival", "first_rates")  # of 120 patients they may have nothing
    if name in few and not shown.startswith("<figure>"):
        assert re.fullmatch(r"<p>(No|Nobody|Nothing) .{20,}</p>", shown)
        return
    assert re.match(r'<figure><img( class="picture")? src="data:image/png;base64,', shown)
    assert re.search(r' alt="[^"]{40,}"', shown)
    assert re.search(r"<figcaption>.{20,}</figcaption>", shown)
    assert (study.run.path / "figures" / f"{name}.pdf").is_file()


@pytest.mark.parametrize("name", catalogue.TABLES)
def test_every_table_has_a_caption_and_scoped_heads(study, name):
    shown = study.table(name).data
    assert re.search(r"<caption>.{10,}</caption>", shown)
    assert "<th>" not in shown
    assert "<td" in shown


def test_steps_are_taken_once_and_are_what_the_run_has(study, finished):
    assert study.attack() is study.attacked
    assert study.disparity() is study.groups
    assert study.paper() is study.reproduction
    stored = pd.read_parquet(finished.run / "patients.parquet")
    pd.testing.assert_frame_equal(study.attacked.risk.patients, stored)
    assert list(study.train()) == list(study.performance())
    assert len(study.performance()) == 16


def test_it_says_what_the_command_line_printed(study, finished):
    for sentence in study.summary():
        assert sentence in finished.stdout
    assert study.facts()["Target models"].startswith("16 x mlp")
    assert "invented" in study.notice().data.lower()


@pytest.mark.parametrize(
    ("show", "message"),
    [
        ("show", "unknown figure 'rok'; did you mean 'roc'"),
        ("table", "unknown table 'rok'"),
    ],
)
def test_an_unknown_name_is_one_line(study, show, message):
    with pytest.raises(InputError, match=message):
        getattr(study, show)("rok")
