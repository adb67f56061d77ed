"""The layout of a run on a kind of GPU: measured by the first worker, kept in run.json for all."""

from __future__ import annotations

import logging

import torch

from rollcall import models
from rollcall.data.cohort import Cohort
from rollcall.data.disk.locks import hold_free_lock, hold_lock
from rollcall.runs.run import Run, open_run
from rollcall.training.batches import count_steps
from rollcall.training.device import device_name
from rollcall.training.gpu.measuring import Meter
from rollcall.training.layout import (
    NETWORK_KEY,
    Layout,
    choose_layout,
    config_key,
    failed_key,
    list_layouts,
)


def find_layout(
    run: Run, cohort: Cohort, device: str, precision: str, log: logging.Logger, wait: bool
) -> Layout | None:
    """Return the fastest layout for this run's targets on this kind of GPU.

    The plain one if it has failed in training. While another worker measures: None, or wait for it.
    """
    name = device_name(device)
    config = open_run(run.path).config
    if config_key(name) not in config:
        path = run.path / "locks" / "way.lock"
        with hold_lock(path) if wait else hold_free_lock(path) as held:
            if not held:
                return None
            config = open_run(run.path).config
            if config_key(name) not in config:
                layout = _measure_layouts(run, cohort, device, precision, log)
                config[config_key(name)] = run.set_once(config_key(name), layout.to_config())
    layout = Layout.from_config(config[config_key(name)])
    if failed_key(name) in config:
        log.info("%s has failed (%s): targets one after another", layout, config[failed_key(name)])
        return layout.plain()
    return layout


def mark_failed(run: Run, name: str, reason: str) -> None:
    """Note in run.json that the layout on a kind of GPU has failed, so that no worker takes it."""
    run.set_once(failed_key(name), reason)


def _measure_layouts(
    run: Run, cohort: Cohort, device: str, precision: str, log: logging.Logger
) -> Layout:
    has_dropout = any(
        isinstance(module, torch.nn.Dropout) and module.p
        for module in models.build_for(run.recipe, cohort, "meta").modules()
    )
    network = open_run(run.path).config.get(NETWORK_KEY)
    layouts = list_layouts(run.recipe, run.targets, has_dropout, network)
    steps = len(run.missing()) * count_steps(run.recipe, cohort.trainable.sum())
    with Meter(cohort.folder, run.recipe, device, precision) as meter:
        layout, table = choose_layout(layouts, meter.measure, steps)
    for row in table:
        log.info("%s", row)
    return layout
