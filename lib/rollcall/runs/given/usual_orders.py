"""Orders that people save patients and records in, and whether members fit the scores in one.

In a wrong order nothing that a model remembers shows: members' scores are not higher. Where they
are in another order of these, it is the right one. Halves are drawn: if they fit in no order, one
of the n below shows by chance in at most 2n of 100 million audits, as `plausibility` says.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from rollcall.runs.given.designs.contrasts import iterate_contrasts
from rollcall.runs.given.kinds import Given
from rollcall.runs.given.plausibility import SURE
from rollcall.util.errors import InputError

TIMES_CLEARER = 4.0  # another order must show what the given one hardly does
MOST_SCORES = 3_000_000  # that are compared in each order: of fewer pairs, where records are many
LONGEST_NUMBER = 20  # digits of an id that are compared as a number


def refuse_usual_order(
    given: Given,
    members_path: Path,
    patients_path: Path,
    members: np.ndarray,
    codes: np.ndarray,
    names: pd.Index,
    contrast: float,
) -> None:
    """Raise InputError where members fit the scores in one of the orders that people use.

    As `order.refuse_order` has them; nothing of the order given is clear.
    """
    keys = _make_keys(names)
    orders = _order_members(keys, names, codes) | _order_scores(keys, codes)
    orders = {words: each for words, each in orders.items() if not np.array_equal(each, codes)}
    clear = _contrast(given, members, codes, list(orders.values()))
    if not len(clear) or clear.max() <= max(SURE, TIMES_CLEARER * abs(contrast)):
        return
    words = list(orders)[int(clear.argmax())]
    if words.startswith("patients"):
        raise InputError(
            f"{members_path}: fits the scores only if its columns are {words}; expected the order "
            "in which the ids first come. Give members as a csv with a column patient_id, or by "
            "record"
        )
    raise InputError(
        f"{given.path}: fits the members only if its columns are {words}; expected a column for "
        f"each row of {patients_path}, in its order"
    )


def _contrast(given: Given, members, codes, orders: list[np.ndarray]) -> np.ndarray:
    """Return by how much members' scores are higher in each order, in standard errors. (orders,)

    Of the scores or of their ranks within a target, whichever shows more; orders: the patient of
    each column of the scores. One pair of targets is read at a time.
    """
    totals, sizes = np.zeros((len(orders), 2)), np.zeros((len(orders), 2))
    pairs = max(2, MOST_SCORES // (2 * len(codes)))
    for _, _, difference, ranks, sign in iterate_contrasts(given, members, pairs):
        summed = difference.reshape(len(codes), -1).sum(1)
        for test, values in enumerate((summed - summed.mean(), ranks)):
            for number, order in enumerate(orders):
                by_patient = np.bincount(order, values, members.shape[1])
                by_patient -= by_patient.mean()
                spread = np.sqrt((by_patient**2).mean())
                if spread > 0:
                    totals[number, test] += float(by_patient @ sign) / spread
                    sizes[number, test] += len(sign)
    return (totals / np.sqrt(np.maximum(sizes, 1))).max(1, initial=-np.inf)


def _make_keys(names) -> dict[str, np.ndarray]:
    """Return what ids are sorted by, {words: (n,)}: as text, and as people read them."""
    text = np.asarray(names, str)
    keys = {"sorted ids": text, "ids without capitals": np.char.lower(text)}
    if all(re.search(r"[0-9]", name) for name in text):
        words = "ids as numbers" if all(map(str.isdigit, text)) else "ids by the numbers in them"
        padded = [
            re.sub(r"[0-9]+", lambda digits: digits[0].zfill(LONGEST_NUMBER), name)
            for name in np.char.lower(text)
        ]
        keys[words] = np.array(padded)
    return keys


def _order_members(keys: dict, names: pd.Index, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Return orders of the columns of members: for each, the column of each record's patient."""
    first = np.arange(len(names))
    orders = {}
    for words, key in keys.items():
        order = np.argsort(key, kind="stable")
        orders[f"patients in the order of their {words}"] = order
        orders[f"patients in the order of their {words}, backwards"] = order[::-1]
    last = len(codes) - 1 - np.unique(codes[::-1], return_index=True)[1]
    orders["patients in the order in which the ids last come"] = np.argsort(last)
    orders["patients in the order in which the ids first come, backwards"] = first[::-1]
    places = {}
    for words, order in orders.items():
        places[words] = np.argsort(order)
    by_id = places["patients in the order of their sorted ids"]
    for words, place in (("in which the ids first come", first), ("of their sorted ids", by_id)):
        for step, what in ((1, "one further"), (-1, "one before")):
            places[f"patients in the order {words}, each {what}"] = (place + step) % len(names)
    return {words: place[codes].astype(np.int32) for words, place in places.items()}


def _order_scores(keys: dict, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Return orders of the columns of the scores: for each, the patient of each column."""
    orders = {}
    for words, key in keys.items():
        rank = np.unique(key, return_inverse=True)[1]
        order = np.argsort(rank[codes], kind="stable")
        orders[f"records in the order of their {words}"] = codes[order]
        orders[f"records in the order of their {words}, backwards"] = codes[order[::-1]]
    orders["records in their order backwards"] = codes[::-1]
    orders["records grouped by patient"] = np.sort(codes)
    orders["records in their order, each one further"] = np.roll(codes, 1)
    orders["records in their order, each one before"] = np.roll(codes, -1)
    return {words: order.astype(np.int32) for words, order in orders.items()}
