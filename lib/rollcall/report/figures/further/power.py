"""What the best test of membership can do, patient by patient: power against false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from rollcall.data.groups import MIN_GROUP_SIZE
from rollcall.report.style import (
    EXPOSED,
    FLOOR,
    MM,
    SINGLE,
    Figure,
    new_figure,
    scale_log,
    spread,
    styled,
)
from rollcall.risk import Risk

ALPHAS = np.geomspace(1e-4, 1, 161)
EPSILONS = (1, 3, 8)
DELTA = 1e-5
TOPS = (0.5, 0.1, 0.01, 0.001)  # shares of patients of at least a risk
SHADES = ("#5BA3D0", "#2F86BE", "#005A8F", EXPOSED)


@styled
def trade_off(risk: Risk, unit: str = "patient", smallest: int = MIN_GROUP_SIZE) -> Figure:
    """Draw power against alpha of the best test on one patient, at several ranks of true risk.

    A true AUC is that of two normal curves mu = sqrt(2) * z(AUC) apart, whose trade-off is Phi(mu -
    z(1 - alpha)); of at least `smallest` patients each. Grey: the most that a promise of epsilon
    (delta 1e-5) lets any attack do. Source: Dong, Roth and Su, J. R. Stat. Soc. B 84, 2022.
    """
    drawing, ax = new_figure(SINGLE, 78 * MM)
    count, curve = len(risk.patients), risk.survival
    tables, words, labels = [], [], []
    for top, colour in zip(TOPS, SHADES, strict=True):
        if top * count < smallest:
            continue
        auc = float(curve.loc[curve["patients"] >= top * count, "auc"].max())
        mu = np.sqrt(2) * ndtri(min(max(auc, 0.5), 1 - 1e-9))
        power = ndtr(mu + ndtri(ALPHAS))
        ax.plot(ALPHAS, power, color=colour)
        name = f"top {100 * top:g}%: AUC {auc:.2f}"
        labels.append((name, power[0], colour))
        words.append(f"{name}, {power[np.abs(ALPHAS - 0.01).argmin()]:.1%} at 1% of false alarms")
        tables.append(pd.DataFrame({"curve": name, "alpha": ALPHAS, "power": power}))
    for epsilon in EPSILONS:
        bound = np.minimum(
            np.exp(epsilon) * ALPHAS + DELTA, 1 - np.exp(-epsilon) * (1 - ALPHAS - DELTA)
        )
        ax.plot(ALPHAS, np.minimum(bound, 1), "--", color=FLOOR, linewidth=0.7)
        labels.append((f"ceiling of ε = {epsilon}", bound[0], FLOOR))
        tables.append(
            pd.DataFrame({"curve": f"epsilon {epsilon}", "alpha": ALPHAS, "power": bound})
        )
    ax.plot(ALPHAS, ALPHAS, color=FLOOR, linewidth=0.6)
    labels.append(("guessing", ALPHAS[0], FLOOR))
    scale_log(ax, "xy")
    ax.set(xlim=(10**-6.4, 1), ylim=(7e-5, 1.1))
    decades = 10.0 ** np.arange(-4, 1)
    ax.set_xticks(decades, ["0.0001", "0.001", "0.01", "0.1", "1"])
    ax.minorticks_off()
    ax.spines["bottom"].set_bounds(ALPHAS[0], 1)
    ax.set(xlabel="False alarms (α)", ylabel="Power: members that are told")
    bottom, high = np.log(ax.get_ylim())
    starts = [max(start, 8e-5) for _, start, _ in labels]
    places = spread([(np.log(start) - bottom) / (high - bottom) for start in starts], 0.062)
    places = places + max(0.0, 0.03 - places.min())
    for (name, *_), start, place in zip(labels, starts, places, strict=True):
        ax.annotate(
            name,
            (ALPHAS[0], start),
            (0.015, place),
            textcoords="axes fraction",
            va="center",
            fontsize=6.5,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": FLOOR, "relpos": (1, 0.5)}
            | {"shrinkA": 1, "shrinkB": 0},
        )
    return Figure(
        "trade_off",
        drawing,
        alt=f"Line plot on log axes of the power of the best test on one {unit} against its false "
        f"alarms: {'; '.join(words)}.",
        caption=f"Power of the best test of membership against its false alarms, for the {unit}s "
        "whose true risk is in the top 50% to 0.1% (two normal curves of that AUC). Dashed: what "
        f"a promise of ε (δ {DELTA:g}) lets any attack do; it would hold for everybody. No curve "
        f"stands for fewer than {smallest} {unit}s.",
        title=f"Power against false alarms, by {unit}s' true risk",
        data=pd.concat(tables, ignore_index=True),
    )
