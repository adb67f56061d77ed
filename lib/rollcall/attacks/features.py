"""What is known of a record without any model: the features of the blind baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MAX_COLUMNS = 128  # a table with more columns is projected to so many
MAX_INDICATORS = 512  # attributes with more values, all together, share so many columns
GRID_SIZE = 8  # an image becomes GRID_SIZE x GRID_SIZE sums a channel
RECORDS_PER_BLOCK = 4096


def compute_features(
    inputs: np.ndarray,
    labels: np.ndarray,
    classes: int,
    patient_index: np.ndarray,
    attributes: pd.DataFrame,
) -> np.ndarray:
    """Turn what is known of records into columns of numbers. (N, D) float32.

    In this order: labels as indicators, (N,) of `classes` classes or (N, L) of labels as they are;
    the logarithm of how many records the patient has, from patient_index (N,); attributes (a table
    of N rows) as indicators, or, of more than 512 values in all, as random sums of these in 512
    columns; and `inputs` made small: images (N, H, W, C) as sums over 8 x 8 fields
    of each channel, signals (N, T, leads) as mean and standard deviation of each lead, tables
    (N, F) as they are or, beyond 128 columns, randomly projected.
    """
    indicators = labels if labels.ndim == 2 else np.eye(max(2, classes), dtype=np.float32)[labels]
    columns = [indicators, np.log(np.bincount(patient_index))[patient_index][:, None]]
    columns += _indicate(attributes)
    projection = None
    if inputs.ndim == 2 and inputs.shape[1] > MAX_COLUMNS:
        rng = np.random.default_rng(0)
        projection = rng.standard_normal((inputs.shape[1], MAX_COLUMNS)).astype(np.float32)
    columns.append(
        np.concatenate(
            [
                _shrink(inputs[start : start + RECORDS_PER_BLOCK], projection)
                for start in range(0, len(inputs), RECORDS_PER_BLOCK)
            ]
        )
    )
    return np.concatenate([np.asarray(column, np.float32) for column in columns], axis=1)


def _indicate(attributes: pd.DataFrame) -> list[np.ndarray]:
    """Return attributes as columns of 0 and 1, one for each value, missing being one.

    With more than MAX_INDICATORS values, each is added to one column of MAX_INDICATORS, or taken
    from it, drawn from a fixed seed (a count sketch: Charikar, Chen and Farach-Colton, ICALP 2002).
    """
    codes = (_code(attributes[attribute]) for attribute in attributes)
    if sum(levels for _, levels in codes) <= MAX_INDICATORS:
        return [
            code[:, None] == np.arange(levels)
            for code, levels in (_code(attributes[attribute]) for attribute in attributes)
        ]
    rng, rows = np.random.default_rng(1), np.arange(len(attributes))
    sums = np.zeros((len(attributes), MAX_INDICATORS), np.float32)
    for attribute in attributes:
        code, levels = _code(attributes[attribute])
        column = rng.integers(0, MAX_INDICATORS, levels)
        sign = rng.choice(np.array([-1, 1], np.float32), levels)
        sums[rows, column[code]] += sign[code]
    return [sums]


def _code(values: pd.Series) -> tuple[np.ndarray, int]:
    """Return the number of each record's value, from 0, int (N,), and how many values there are."""
    present, codes = np.unique(values.astype("category").cat.codes, return_inverse=True)
    return codes, len(present)


def _shrink(inputs: np.ndarray, projection: np.ndarray | None) -> np.ndarray:
    """Reduce the inputs of a block of records to few numbers each. (n, d) float32."""
    values = np.asarray(inputs, np.float32)
    if values.ndim == 4:
        down, across = (
            np.linspace(0, size, min(GRID_SIZE, size) + 1).astype(int)[:-1]
            for size in values.shape[1:3]
        )
        sums = np.add.reduceat(np.add.reduceat(values, down, axis=1), across, axis=2)
        return sums.reshape(len(values), -1)
    if values.ndim == 3:
        return np.concatenate([values.mean(1), values.std(1)], axis=1)
    return values if projection is None else values @ projection
