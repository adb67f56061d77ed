"""What is known of a record without any model: the features of the blind baseline."""

from __future__ import annotations

import numpy as np

from rollcall.data.cohort import Cohort

MOST = 128  # numbers that a record's input is reduced to, at the most
GRID = 8  # an image becomes GRID x GRID means a channel
CHUNK = 4096


def compute_features(cohort: Cohort) -> np.ndarray:
    """(N, D) float32: labels and attributes as indicators, how many records the patient has (log), and the input made small: images as 8 x 8
    means of each channel, signals as mean and standard deviation of each lead, tables as they are or, beyond 128 columns, randomly projected."""
    labels = (
        cohort.labels
        if cohort.task == "multilabel"
        else np.eye(max(2, len(cohort.classes)), dtype=np.float32)[cohort.labels]
    )
    columns = [labels, np.log(np.bincount(cohort.patient_index))[cohort.patient_index][:, None]]
    for attribute in cohort.attributes:
        codes = cohort.records[attribute].astype("category").cat.codes.to_numpy()
        columns.append(codes[:, None] == np.unique(codes))
    inputs = cohort.inputs
    project = None
    if inputs.ndim == 2 and inputs.shape[1] > MOST:
        project = (
            np.random.default_rng(0).standard_normal((inputs.shape[1], MOST)).astype(np.float32)
        )
    columns.append(
        np.concatenate(
            [
                _small(inputs[start : start + CHUNK], project)
                for start in range(0, len(inputs), CHUNK)
            ]
        )
    )
    return np.concatenate([np.asarray(column, np.float32) for column in columns], axis=1)


def _small(inputs: np.ndarray, project: np.ndarray | None) -> np.ndarray:
    values = np.asarray(inputs, np.float32)
    if values.ndim == 4:
        rows, across = (
            np.linspace(0, size, min(GRID, size) + 1).astype(int)[:-1] for size in values.shape[1:3]
        )
        sums = np.add.reduceat(np.add.reduceat(values, rows, axis=1), across, axis=2)
        return sums.reshape(len(values), -1)
    if values.ndim == 3:
        return np.concatenate([values.mean(1), values.std(1)], axis=1)
    return values if project is None else values @ project
