"""Other worlds that show the same numbers: what a reader who knows them all cannot tell apart.

The reader knows which combinations of the attributes' groups exist, and each number that is shown.
A count stays unknown if worlds exist, patients moved between these combinations with every shown
number as it was, in which it is 0 or at least `smallest`. Linear programmes look for them; the
dual says which shown numbers a count follows from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rollcall.report.gate.design import Design
from rollcall.report.gate.marks import Shown, hide_cell

if TYPE_CHECKING:
    from scipy import sparse

    Matrix = np.ndarray | sparse.csr_array
Target = tuple[int, tuple[int, ...], int]  # attribute, rows, band
MOST_VARIABLES = 6_000  # of one programme; combinations beyond keep their patients
MOST_AT_ONCE = 2_000  # of programmes that are solved as one
MOST_DENSE = 100_000  # entries of a matrix that is kept dense
NONE, ROUNDS = 1e-6, 12


@dataclass(frozen=True)
class System:
    """Combinations of some attributes' groups, and what is asked and known of them.

    truth float (variables,): the patients of each combination of groups and of flags;
    known (cells + totals, variables) and cells [(attribute, row, column)]: the sums that tables
    may show, totals last; asked (targets, variables): the sums that must stay unknown; chosen:
    columns whose cells are chosen already.
    """

    truth: np.ndarray
    known: Matrix
    cells: list[tuple[int, int, int]]
    asked: Matrix
    totals: int
    smallest: int
    chosen: int


def protect_together(
    design: Design, members: Sequence[int], targets: Sequence[Target], shown: Shown
) -> None:
    """Hide further cells of some attributes till none of the targets follows from them jointly."""
    if targets:
        system = _make_system(design, members, targets)
        _protect_system(system, np.arange(len(targets)), shown)


def protect_each(
    design: Design, listed: Mapping[tuple[int, ...], Sequence[Target]], shown: Shown
) -> None:
    """Hide further cells as protect_together does of each of some attributes, with its targets.

    Most targets are 0 or large in some world at once: programmes of many attributes are first
    solved as one. Cells hidden meanwhile only add worlds.
    """
    waiting = sorted(listed)
    while waiting:
        systems, variables = [], 0
        while waiting and variables < MOST_AT_ONCE:
            members = waiting.pop(0)
            systems.append(_make_system(design, members, listed[members]))
            variables += len(systems[-1].truth)
        for system, remaining in zip(systems, _drop_at_once(systems, shown), strict=True):
            _protect_system(system, remaining, shown)


def _protect_system(system: System, remaining: np.ndarray, shown: Shown) -> None:
    """Hide cells till none of the targets that remain follows from those shown."""
    while len(remaining):
        remaining = _drop_open(system, shown, remaining)
        if len(remaining):
            cell = _choose_cell(system, shown, int(remaining[0]))
            if cell is None:
                remaining = remaining[1:]  # it can be told apart in some world after all
            else:
                hide_cell(shown, *cell)


def _drop_at_once(systems: Sequence[System], shown: Shown) -> list[np.ndarray]:
    """List the targets of each system that one world of few and one of many leave as pinned."""
    from scipy import sparse  # whoever only reads needs none

    blocks = [sparse.csr_array(system.known[_visible(system, shown)]) for system in systems]
    known = sparse.csr_array(sparse.block_diag(blocks))
    truth = np.concatenate([system.truth for system in systems])
    ends = np.cumsum([len(system.truth) for system in systems])[:-1]
    left = [np.arange(np.shape(system.asked)[0]) for system in systems]
    rng = np.random.default_rng(0)
    for sign in (1, -1):
        objective = [
            sign * rng.uniform(0.5, 1, size=len(remaining)) @ system.asked[remaining]
            if len(remaining)
            else np.zeros(len(system.truth))
            for system, remaining in zip(systems, left, strict=True)
        ]
        world, _ = _solve(np.concatenate(objective), known, truth)
        left = [
            remaining[_is_pinned(system, part, remaining)]
            for system, part, remaining in zip(systems, np.split(world, ends), left, strict=True)
        ]
    return left


def _make_system(design: Design, members: Sequence[int], targets: Sequence[Target]) -> System:
    profiles, profile = list_profiles(design, members)
    atoms = len(design.inside)
    counted = np.bincount(profile * atoms + design.atom, minlength=len(profiles) * atoms)
    position = {member: place for place, member in enumerate(members)}
    rows, cells = [], []
    for place, member in enumerate(members):
        groups = len(design.attributes[member].names)
        rows.append(np.arange(groups)[:, None] == profiles[:, place])
        cells += [
            (member, row, column) for row in range(groups) for column in range(len(design.columns))
        ]
    in_row = np.vstack([*rows, np.ones((1, len(profiles)), bool)])
    regions = np.array(
        [np.isin(profiles[:, position[member]], of_rows) for member, of_rows, _ in targets]
    )
    bands = design.bands[[band for _, _, band in targets]]
    asked = regions[:, :, None] & bands[:, None, :]
    return _keep_variables(
        System(
            counted.astype(float),
            _multiply(in_row, design.inside.T),
            cells,
            _thin(asked.reshape(len(targets), -1)),
            len(design.columns),
            design.smallest,
            design.chosen,
        )
    )


def _multiply(rows: np.ndarray, columns: np.ndarray) -> Matrix:
    """Return the Kronecker product of two bool arrays, sparse if it is large."""
    if rows.size * columns.size <= MOST_DENSE:
        return np.kron(rows.astype(float), columns.astype(float))
    from scipy import sparse  # whoever only reads needs none

    one, other = (sparse.csr_array(side.astype(float)) for side in (rows, columns))
    return sparse.csr_array(sparse.kron(one, other))


def _thin(matrix: np.ndarray) -> Matrix:
    if matrix.size <= MOST_DENSE:
        return matrix.astype(float)
    from scipy import sparse  # whoever only reads needs none

    return sparse.csr_array(matrix).astype(float)


def list_profiles(design: Design, members: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """List the combinations of groups that exist: int (profiles, members); each patient's one."""
    profile, many = np.zeros(len(design.atom), np.intp), 1
    for member in members:
        attribute = design.attributes[member]
        profile = profile * len(attribute.names) + attribute.code
        exists = np.bincount(profile, minlength=many * len(attribute.names)) > 0
        profile, many = (np.cumsum(exists) - 1)[profile], int(exists.sum())
    first = np.zeros(many, np.intp)
    first[profile[::-1]] = np.arange(len(profile))[::-1]
    codes = [design.attributes[member].code[first] for member in members]
    return np.column_stack(codes), profile


def _keep_variables(system: System) -> System:
    """Let only MOST_VARIABLES vary, those asked about and the fullest; a world with the others as
    they are is a world all the same.
    """
    if len(system.truth) <= MOST_VARIABLES:
        return system
    asked = np.asarray(abs(system.asked).sum(0)).reshape(-1) * (system.truth > 0)
    order = np.lexsort((-system.truth, asked <= 0))
    kept = np.sort(order[:MOST_VARIABLES])
    # What is asked lies among the kept: a target that does not is left as pinned, and is hidden for
    return replace(
        system,
        truth=system.truth[kept],
        known=system.known[:, kept],
        asked=system.asked[:, kept],
    )


def _visible(system: System, shown: Shown) -> np.ndarray:
    cells = [bool(shown[attribute][row, column]) for attribute, row, column in system.cells]
    return np.flatnonzero([*cells, *[True] * system.totals])


def _drop_open(system: System, shown: Shown, remaining: np.ndarray) -> np.ndarray:
    """Drop targets that some world makes 0 or large; many at once while that helps, then singly."""
    known = system.known[_visible(system, shown)]
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        before = len(remaining)
        for sign in (1, -1):
            if len(remaining):
                weights = sign * rng.uniform(0.5, 1, size=len(remaining))
                world, _ = _solve(weights @ system.asked[remaining], known, system.truth)
                remaining = remaining[_is_pinned(system, world, remaining)]
        if len(remaining) == before:
            break
    while len(remaining):
        one = remaining[:1]
        for sign in (1, -1):
            world, _ = _solve(sign * (np.ones(1) @ system.asked[one]), known, system.truth)
            remaining = remaining[_is_pinned(system, world, remaining)]
        if len(remaining) and remaining[0] == one[0]:
            break
    return remaining


def _is_pinned(system: System, world: np.ndarray, remaining: np.ndarray) -> np.ndarray:
    value = system.asked[remaining] @ world
    return (value > NONE) & (value < system.smallest - NONE)


def _solve(
    objective: np.ndarray, known: Matrix, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a world of the least objective, and what each known sum adds to it.

    The truth is such a world: if the solver gives up, it is returned, with nothing added.
    """
    from scipy.optimize import linprog  # whoever only reads needs none

    solved = linprog(objective, A_eq=known, b_eq=known @ truth, bounds=(0, None), method="highs")
    if solved.x is None:
        return truth, np.zeros(np.shape(known @ truth))
    return solved.x, solved.eqlin.marginals


def _choose_cell(system: System, shown: Shown, target: int) -> tuple[int, int, int] | None:
    """Choose the smallest shown cell that the bounds of a target rest on; None: there is none.

    Of a column that is not chosen yet, if there is such a cell.
    """
    visible = _visible(system, shown)
    known = system.known[visible]
    values = known @ system.truth
    objective = np.ones(1) @ system.asked[[target]]
    used = np.zeros(len(visible), bool)
    for sign in (1, -1):
        used |= np.abs(_solve(sign * objective, known, system.truth)[1]) > NONE
    places = np.flatnonzero(visible < len(system.cells))
    is_open = np.array([system.cells[visible[at]][2] >= system.chosen for at in places], bool)
    places = places[is_open] if is_open.any() else places
    places = places[used[places]] if used[places].any() else places
    cells = [(values[place] == 0, values[place], *system.cells[visible[place]]) for place in places]
    best = min(cells, default=None)
    return None if best is None else (int(best[2]), int(best[3]), int(best[4]))
