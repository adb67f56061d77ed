"""Figures drawn again from stored tables: of the seven rehearsals, without torch, gate and all."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rollcall import datasets
from rollcall.__main__ import main
from rollcall.report import gallery, style
from rollcall.report.gallery.runs import find_runs
from rollcall.report.registry import OF_EXPERIMENT, OF_RUN, REGISTRY
from rollcall.report.registry.drawing import draw
from rollcall.report.registry.kept import draw_kept, find_kept, show_kept
from rollcall.util.errors import InputError
from rollcall.util.files import write_json
from tests.report.figures.experiments.test_defence import make_curves, make_settings
from tests.report.figures.looks import list_faint
from tests.report.gallery.made_runs import make_run

WIDTHS, HEIGHT, ROUNDING = (89, 183), 170, 0.3  # mm


@pytest.fixture(scope="module")
def seven(tmp_path_factory):
    """A folder with a run of each rehearsal, made from one: only their names differ."""
    folder = tmp_path_factory.mktemp("seven")
    first, *others = datasets.REHEARSABLE
    made = make_run(folder, first, "rehearsal", patients=120, simulated=True)
    for name in others:
        copy = shutil.copytree(made, folder / name / "rehearsal")
        described = json.loads((copy / "run.json").read_text()) | {"cohort": name}
        write_json(copy / "run.json", described)
    return folder


@pytest.fixture(scope="module")
def compared(seven):
    """Every figure that compares the seven, by name."""
    finished = find_runs(str(seven))
    known = gallery.FIGURES | gallery.COMPOSED
    return {name: each(finished) for name, each in known.items()}


def test_every_comparison_is_drawn_of_the_seven(compared):
    for name, figure in compared.items():
        assert figure.drawing is not None, name
        width, height = 25.4 * figure.drawing.get_size_inches()
        assert min(abs(width - each) for each in WIDTHS) < ROUNDING, name
        assert height <= HEIGHT + ROUNDING, name
        assert figure.title, name
        assert any(letter.isdigit() for letter in figure.alt), name
        assert figure.data is not None, name
        assert len(figure.data), name
        assert "secret" not in figure.data.to_csv(), name
        assert list_faint(figure.drawing) == [], name


@pytest.mark.parametrize("name", ["survival_max", "1", "2"])
def test_seven_panels_have_letters_and_the_published_values(compared, name):
    axes = compared[name].drawing.axes
    letters = [text.get_text() for ax in axes for text in ax.texts if len(text.get_text()) == 1]
    assert letters == [chr(ord("a") + number) for number in range(len(letters))]
    assert len(letters) == {"survival_max": 7, "1": 4, "2": 14}[name]
    assert "published" in compared[name].alt


def test_no_text_of_a_comparison_is_cut_off_or_too_small(compared):
    for name in ("survival_max", "group_size"):
        drawing = compared[name].drawing
        drawing.draw_without_rendering()
        frame = drawing.bbox
        for text in drawing.findobj(lambda each: hasattr(each, "get_fontsize")):
            if text.get_visible() and text.get_text().strip():
                assert text.get_fontsize() >= 6, (name, text.get_text())
        for ax in drawing.axes:
            for text in ax.texts:
                box = text.get_window_extent()
                inside = frame.x0 - 1 <= box.x0 <= box.x1 <= frame.x1 + 1
                assert inside, (name, text.get_text())


@pytest.mark.parametrize("name", ["residuals", "survival_max", "survival_records", "group_size"])
def test_axes_have_their_whole_names_where_one_run_is_drawn(seven, name):
    first = find_runs(str(seven), [f"{datasets.REHEARSABLE[0]}/rehearsal"])
    drawing = gallery.FIGURES[name](first).drawing
    drawing.draw_without_rendering()
    for text in drawing.findobj(lambda each: hasattr(each, "get_fontsize")):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent()
            assert -1 <= box.x0 <= box.x1 <= drawing.bbox.x1 + 1, text.get_text()


def test_the_command_draws_a_figure_of_chosen_runs(seven, tmp_path, capsys):
    run = f"{datasets.REHEARSABLE[0]}/rehearsal"
    words = ["figure", "residuals", "--out", str(seven), "--run", run, "--to", str(tmp_path)]
    assert main(words) == 0
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"residuals.{ending}" for ending in ("pdf", "png", "svg", "csv")}
    assert "residuals.png" in capsys.readouterr().out
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(words) == 0
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with Image.open(tmp_path / "residuals.png") as picture:
        assert picture.text["Title"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["survivl"], "unknown figure 'survivl'; did you mean 'survival'"),
        (["roc", "--run", "ptb_xl/rehersal"], "did you mean 'ptb_xl/rehearsal'"),
    ],
)
def test_a_misspelt_name_gets_the_nearest(seven, words, message, capsys):
    assert main(["figure", *words, "--out", str(seven)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_without_a_name_they_are_listed(capsys):
    assert main(["figure"]) == 0
    printed = capsys.readouterr().out
    for entry in REGISTRY.values():
        assert f"  {entry.name} " in printed
        assert entry.shows in printed


def test_missing_tables_are_a_line_with_the_notebook(tmp_path):
    make_run(tmp_path, "ptb_xl", tables=[])
    drawn = {each.name: each for each in draw("all", find_runs(str(tmp_path)), tmp_path / "data")}
    assert set(drawn) == set(REGISTRY)
    for name, entry in REGISTRY.items():
        if entry.kind in (OF_RUN, OF_EXPERIMENT):
            assert drawn[name].path is None
            assert f"run {entry.notebook}" in drawn[name].why
            assert "\n" not in drawn[name].why


@pytest.mark.slow
def test_all_figures_of_a_finished_audit(finished, tmp_path):
    """In a process of its own: what it loads, how long it takes."""
    code = (
        "import sys, time; start = time.process_time(); from rollcall.__main__ import main\n"
        f"main(['figure', 'all', '--out', {str(finished.out)!r}, '--data', {str(finished.data)!r},"
        f" '--to', {str(tmp_path)!r}])\n"
        "print('torch' in sys.modules, time.process_time() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    has_torch, seconds = done.stdout.split()[-2:]
    assert has_torch == "False"
    assert float(seconds) < 30
    written = {path.stem for path in tmp_path.rglob("*.png")}
    of_run = {entry.name for entry in REGISTRY.values() if entry.kind == OF_RUN}
    named = {line.split(",")[0] for line in done.stdout.splitlines() if "not drawn" in line}
    assert of_run <= written | named
    assert {"roc", "survival", "definitions", "trade_off"} <= written
    assert {"figure_1", "figure_2", "roc_all", "survival_max"} <= written
    ids = pd.read_parquet(finished.run / "patients.parquet")["patient_id"].astype(str)
    for path in tmp_path.rglob("*.csv"):
        assert not set(ids) & set(path.read_text().replace(",", " ").split()), path


def test_what_an_experiment_drew_is_drawn_again(tmp_path):
    settings = make_settings()
    folder = tmp_path / "simulated" / "figures"
    arguments = {"curves": make_curves(settings), "floor": np.linspace(0.3, 0.7, 500)}
    show_kept("defence_survival", folder, {"a": 1}, settings=settings, **arguments)
    assert find_kept(tmp_path, "defence_survival") == [folder]
    before = {path.name: path.read_bytes() for path in folder.glob("defence_survival.*")}
    assert len(before) == 4
    figure, digest = draw_kept("defence_survival", folder)
    style.save(figure, folder, digest)
    assert before == {path.name: path.read_bytes() for path in folder.glob("defence_survival.*")}


@pytest.mark.parametrize("how_damaged", ["bytes", "gone", "words"])
def test_damaged_tables_of_an_experiment_are_a_line(tmp_path, how_damaged):
    settings = make_settings()
    show_kept("defence_price", tmp_path, {}, settings=settings, unit="patient", smallest=10)
    place = tmp_path / "tables" / "defence_price"
    if how_damaged == "gone":
        (place / "settings.parquet").unlink()
    elif how_damaged == "bytes":
        (place / "settings.parquet").write_bytes(b"PAR1")
    else:
        text = (place / "arguments.json").read_text()
        (place / "arguments.json").write_text(text.replace("patient", "person"))
    with pytest.raises(InputError, match="run 5_defence again") as caught:
        draw_kept("defence_price", tmp_path)
    assert "\n" not in str(caught.value)
