"""The pictures of the lessons: films, the recurring in and out strips, tails, shares, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rollcall.report.style import (
    EXPOSED,
    FLOOR,
    MEMBER,
    NON_MEMBER,
    Figure,
    new_figure,
    styled,
)

WIDTH, HIGH = 6.2, 2.5  # inches
MOST_TICKS = 8  # of a curve of few points, one at each
LINES = ((MEMBER, "-"), (NON_MEMBER, "--"), (FLOOR, "-."), (EXPOSED, ":"))
LABELS = {"with": (MEMBER, "|"), "without": (NON_MEMBER, "|"), "unknown": (EXPOSED, "|")}


@styled
def draw_films(films: Mapping[str, np.ndarray], caption: str) -> Figure:
    """Draw films in a row, uint8 (32, 32) each, under their titles."""
    drawing, axes = new_figure(WIDTH, 1.7, 1, max(len(films), 2))
    for ax in axes:
        ax.axis("off")
    for ax, (title, film) in zip(axes, films.items(), strict=False):
        ax.imshow(film, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title)
    alt = f"{len(films)} chest films in a row: {', '.join(films)}."
    return Figure("films", drawing, alt, caption)


@styled
def draw_in_out(
    rows: Mapping[str, tuple[np.ndarray, np.ndarray]],
    caption: str,
    secret: bool = False,
    mark: float | None = None,
    limits: tuple[float, float] | None = None,
    xlabel: str = "score: log odds of the recorded finding",
) -> Figure:
    """Draw one strip a row: a tick for each model's score, of models with her and without her.

    rows: title -> (scores (M,), had (M,) bool). secret: all ticks alike. mark: a score to point at.
    limits: of the axis, where a slider moves the ticks.
    """
    drawing, axes = new_figure(WIDTH, 0.75 + 0.75 * len(rows), len(rows), 1, sharex=True)
    spoken = []
    for ax, (title, (scores, had)) in zip(np.atleast_1d(axes), rows.items(), strict=True):
        kinds = {"unknown": np.ones(len(had), bool)} if secret else {"with": had, "without": ~had}
        for height, (kind, of_kind) in enumerate(kinds.items()):
            colour, _ = LABELS[kind]
            place = 0.5 if secret else 1 - height
            ax.plot(scores[of_kind], np.full(of_kind.sum(), place), "|", color=colour, ms=11)
            if of_kind.any():
                spoken.append(f"{title}, {kind}: mean {scores[of_kind].mean():.1f}")
        ax.set(ylim=(-0.6, 1.6), title=title)
        ax.set_yticks([0.5] if secret else [1, 0], ["model"] if secret else ["with", "without"])
        if mark is not None:
            ax.axvline(mark, color=EXPOSED, ls=":", lw=1)
            ax.annotate("new model", (mark, 1.25), (4, 0), textcoords="offset points", fontsize=6)
    np.atleast_1d(axes)[-1].set(xlabel=xlabel, xlim=limits)
    alt = "Strips of ticks, one for each model's score. " + "; ".join(spoken) + "."
    return Figure("in_out", drawing, alt, caption)


@styled
def draw_heights(
    values: Mapping[str, np.ndarray],
    xlabel: str,
    caption: str,
    marks: Mapping[str, float] | None = None,
    bins: Sequence[float] | None = None,
) -> Figure:
    """Draw histograms as outlines over each other, and lines at marked values."""
    drawing, ax = new_figure(WIDTH, HIGH)
    everything = np.concatenate(list(values.values()))
    edges = np.linspace(everything.min(), everything.max(), 40) if bins is None else bins
    for (name, some), (colour, dash) in zip(values.items(), LINES, strict=False):
        share = np.full(len(some), 1 / len(some))
        ax.hist(some, edges, weights=share, histtype="step", color=colour, ls=dash, label=name)
    top = ax.get_ylim()[1]
    ax.set(xlabel=xlabel, ylabel="share", ylim=(0, 1.25 * top))
    for height, (name, value) in enumerate((marks or {}).items()):
        ax.axvline(value, color=EXPOSED, lw=0.8, ls=":")
        ax.annotate(name, (value, (1.17 - 0.12 * height) * top), (-3, 0), ha="right",
                    textcoords="offset points", fontsize=6)  # fmt: skip
    ax.legend(loc="upper left")
    medians = "; ".join(f"{name}: median {np.median(some):.2f}" for name, some in values.items())
    spoken = "; ".join(f"{name} at {value:.2f}" for name, value in (marks or {}).items())
    return Figure("heights", drawing, f"Histogram of {xlabel}. {medians}. {spoken}", caption)


@styled
def draw_curves(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    xlabel: str,
    ylabel: str,
    caption: str,
    point: tuple[float, float] | None = None,
    diagonal: bool = False,
    log: bool = False,
) -> Figure:
    """Draw lines, title -> (x, y), each with its own colour and dash; a point on them."""
    drawing, ax = new_figure(WIDTH, HIGH)
    for (name, (x, y)), (colour, dash) in zip(curves.items(), LINES, strict=False):
        ax.plot(x, y, color=colour, ls=dash, label=name)
    if diagonal:
        ax.plot([0, 1], [0, 1], color=FLOOR, lw=0.6, ls=":", label="guessing")
    if point:
        ax.plot(*point, "o", color=EXPOSED, ms=5)
    places = next(iter(curves.values()))[0]
    if log:
        ax.set_xscale("log")
    if len(places) <= MOST_TICKS:
        ax.set_xticks(places, [f"{place:g}" for place in places])
        ax.minorticks_off()
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend()
    ends = "; ".join(f"{name} ends at {y[-1]:.2f}" for name, (_, y) in curves.items())
    return Figure("curves", drawing, f"Curves of {ylabel} over {xlabel}: {ends}.", caption)


@styled
def draw_shares(
    rows: Mapping[str, tuple[float, float, float]], xlabel: str, caption: str, least: float = 0.0
) -> Figure:
    """Draw a point and its interval a row: title -> (value, low, high). least: of the axis."""
    drawing, ax = new_figure(WIDTH, 0.7 + 0.28 * len(rows))
    for place, (value, low, high) in enumerate(reversed(rows.values())):
        ax.plot([low, high], [place, place], color=MEMBER, lw=1)
        ax.plot(value, place, "o", color=MEMBER, ms=4)
    ax.set_yticks(range(len(rows)), list(rows)[::-1])
    ax.set(xlabel=xlabel, xlim=(least, None), ylim=(-0.6, len(rows) - 0.4))
    spoken = "; ".join(f"{name} {value:.3g} ({low:.3g} to {high:.3g})"
                     for name, (value, low, high) in rows.items())  # fmt: skip
    return Figure("shares", drawing, f"Points with intervals, {xlabel}: {spoken}.", caption)


@styled
def draw_points(
    x: np.ndarray, y: np.ndarray, xlabel: str, ylabel: str, caption: str, chosen: np.ndarray
) -> Figure:
    """Draw a point for each of (n,), those `chosen` as black triangles."""
    drawing, ax = new_figure(WIDTH, HIGH)
    ax.plot(x[~chosen], y[~chosen], ".", color=FLOOR, ms=3)
    ax.plot(x[chosen], y[chosen], "^", color=EXPOSED, ms=5)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    alt = f"{len(x)} points, {ylabel} over {xlabel}; {int(chosen.sum())} of them stand out."
    return Figure("points", drawing, alt, caption)
