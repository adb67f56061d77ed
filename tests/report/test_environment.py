"""What a user has set for other programs changes no figure, and names are no formulas."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.text import Text

from rollcall.report import style
from rollcall.report.figures import attacks as attack_figures
from rollcall.report.figures import groups as group_figures
from rollcall.report.figures.further import thresholds
from rollcall.report.notebooks.kernels import FOREIGN, make_environment
from rollcall.report.style import Figure

DRAW = """
import hashlib, sys
from pathlib import Path
from rollcall.report import style
from rollcall.report.style import Figure
from tests.report.test_environment import draw
style.save(draw(), Path(sys.argv[1]))
"""
# Each would change a picture, or end the drawing: no LaTeX is here.
HOSTILE = """
text.usetex: True
font.family: serif
font.size: 20
mathtext.fontset: cm
figure.dpi: 31
savefig.dpi: 47
savefig.bbox: tight
savefig.transparent: True
savefig.facecolor: red
axes.facecolor: yellow
axes.formatter.use_locale: True
axes.formatter.use_mathtext: True
axes.unicode_minus: False
axes.prop_cycle: cycler('color', ['r'])
lines.marker: x
lines.linestyle: --
path.simplify_threshold: 1.0
path.sketch: 3, 100, 2
pdf.compression: 0
pdf.use14corefonts: True
text.hinting: none
text.antialiased: False
image.cmap: jet
xtick.direction: in
"""


@style.styled
def draw() -> Figure:
    drawing, axes = style.new_figure(4, 2, 1, 2)
    axes[0].plot([0, 1], [-0.5, 2.5], label="$25,000-$50,000")
    axes[0].legend()
    axes[0].set(title=r"$\frac$ and $a_$", xlabel="Ärzte ≥ 3")
    axes[1].plot([1e-3, 1], [1e-3, 1])
    style.scale_log(axes[1], "xy")
    return Figure("drawn", drawing, "Two lines", "Two lines")


def assert_same_bytes(folder: Path, environment: dict, cwd: Path) -> None:
    """Compare a figure drawn by another process, in `environment`, with one that is drawn here."""
    subprocess.run(
        [sys.executable, "-c", DRAW, str(folder / "there")],
        env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=cwd,
        check=True,
    )
    style.save(draw(), folder / "here")
    for name in ("drawn.pdf", "drawn.png", "drawn.svg"):
        there, here = (
            hashlib.sha256((folder / place / name).read_bytes()).hexdigest()
            for place in ("there", "here")
        )
        assert there == here


def test_a_figure_has_the_same_bytes_whatever_a_user_has_set(tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    hostile = {"MPLBACKEND": "TkAgg", "LANG": "C", "PAGER": "false", "TZ": "Mars/Base"}
    assert_same_bytes(tmp_path, os.environ | hostile, tmp_path)


def test_a_kernels_figure_has_the_same_bytes_whatever_a_user_has_set(tmp_path, monkeypatch):
    """With settings that would end the import of matplotlib: a kernel does not see them."""
    (tmp_path / "matplotlibrc").write_bytes(b"backend: nonsense\n\xff\n")
    for name, value in (
        ("MATPLOTLIBRC", str(tmp_path)),
        ("MPLBACKEND", "nonsense"),
        ("LC_ALL", "de_DE.ISO-8859-1"),
        ("PYTHONWARNINGS", "error"),
        ("PYTHONIOENCODING", "ascii"),
        ("COLUMNS", "1"),
    ):
        monkeypatch.setenv(name, value)
    assert_same_bytes(tmp_path, make_environment(None, tmp_path), Path("/"))


def texts(figure: Figure) -> list[str]:
    assert figure.drawing is not None
    figure.drawing.draw_without_rendering()
    return [text.get_text() for text in figure.drawing.findobj(Text)]


def test_ticks_of_a_logarithmic_axis_are_plain():
    shown = texts(draw())
    assert "0.001" in shown
    assert "1" in shown
    assert not any("mathdefault" in text for text in shown)


def test_ticks_between_powers_are_plain():
    @style.styled
    def small():
        drawing, ax = style.new_figure(2, 2)
        style.scale_log(ax, "y")
        ax.plot([1, 2], [2000, 6000])
        return Figure("small", drawing, "A line", "A line")

    assert "3,000" in texts(small())


NAMES = [r"$\frac$", "$25,000-$50,000", "$a_$", r"\$5 & \$6", "a^b_{c", "$", "$$", "{}%s%%", "<b>"]


def made_groups() -> tuple[pd.DataFrame, pd.DataFrame]:
    count = len(NAMES)
    table = pd.DataFrame(
        {"attribute": NAMES, "group": NAMES, "intersection": False, "is_outcome": False}
        | {"patients": 20.0, "p_adjusted": np.linspace(0.01, 0.9, count)}
        | {"p": 0.5, "exposed": 10.0, "exposed_share": 0.5}
        | {"ratio_within": 2.0, "within_low": 1.5, "within_high": 3.0}
    )
    cutoffs = table[["attribute", "group"]].assign(
        cutoff=0.1, is_exposed=False, ratio=2.0, ratio_low=1.0, ratio_high=3.0
    )
    return table, cutoffs.assign(floor_low=0.5, floor_high=2.0)


def test_names_of_groups_and_attributes_are_text(tmp_path):
    table, cutoffs = made_groups()
    forest = group_figures.forest(table)
    shown = texts(forest)
    assert all(f"{name}: {name}" in shown for name in NAMES)
    panels = set(texts(thresholds.cutoffs(table, cutoffs)))
    assert {f"{name}: {name}" for name in NAMES if len(name) < 12} <= panels
    assert "$25,000-$50,0 … ,000-$50,000" in panels  # a panel has no room for its whole
    style.save(forest, tmp_path)


def test_names_of_classes_and_models_are_text(tmp_path):
    pixels = np.zeros((len(NAMES), 4, 4, 3), np.uint8)
    rows = pd.DataFrame({"patient AUC": [0.9] * len(NAMES)})
    shown = texts(attack_figures.images([pixels], [NAMES], rows))
    assert set(NAMES) - {"$25,000-$50,000"} <= set(shown)  # that one is wrapped


def test_nothing_is_read_as_a_formula():
    @style.styled
    def find() -> list[Text]:
        drawn = draw().drawing
        assert isinstance(drawn, matplotlib.figure.Figure)
        return drawn.findobj(Text)

    assert not any(text.get_parse_math() or text.get_usetex() for text in find())


def test_a_kernel_has_none_of_the_users_settings(monkeypatch, tmp_path):
    for name in (*FOREIGN, "MPLBACKEND", "MATPLOTLIBRC", "IPYTHONDIR", "TMPDIR"):
        monkeypatch.setenv(name, "/nonsense")
    environment = make_environment(None, tmp_path)
    assert not set(FOREIGN) & set(environment)
    assert "/nonsense" not in environment.values()
    assert Path(environment["MATPLOTLIBRC"]).is_file()
