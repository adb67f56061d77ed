"""How targets share a device: what is measured, what is chosen, and what run.json keeps of it."""

import dataclasses

import pytest
import torch

from rollcall.training.layout import (
    MICRO_BATCHES_KEY,
    Layout,
    choose_layout,
    config_key,
    cpu_stack,
    failed_key,
    list_layouts,
)
from rollcall.util.errors import InputError
from tests.training.common import IMAGE_RECIPE, TABLE_RECIPE


def test_the_fastest_layout_is_chosen_and_one_that_lacks_memory_is_halved():
    def measure(layout):
        if layout.compiled:
            raise RuntimeError("no compiler")
        if layout.targets > 8:
            raise torch.OutOfMemoryError
        return 1 / layout.targets

    layout, table = choose_layout(
        [Layout(), Layout(compiled=True), Layout(streams=4), Layout(stack=32)], measure
    )
    assert layout == Layout(stack=8)
    assert [row.get("failed", row.get("seconds")) for row in table] == [
        1,
        "RuntimeError: no compiler",
        0.25,
        "out of memory",
        "out of memory",
        1 / 8,
    ]
    assert choose_layout([Layout(compiled=True)], measure)[0] == Layout()
    assert Layout(streams=3, stack=2, recorded=True).halve() == Layout(streams=3, recorded=True)
    assert Layout(streams=3, stack=2).halve() == Layout(streams=3)
    assert Layout(streams=3).halve() == Layout()
    assert Layout().halve() == Layout(micro_batches=2)


def test_a_compiler_is_tried_only_where_the_work_is_long():
    """Where it halves a second a step, 299 steps are not worth the minutes it takes, 300 are."""

    def measure(layout):
        return 0.5 if layout.compiled else 1.0

    assert choose_layout([Layout(), Layout(compiled=True)], measure, 299) == (
        Layout(),
        [{**vars(Layout()), "seconds": 1.0}],
    )
    assert choose_layout([Layout(), Layout(compiled=True)], measure, 300)[0] == Layout(
        compiled=True
    )
    for recipe, has_dropout in [(TABLE_RECIPE, False), (IMAGE_RECIPE, False), (IMAGE_RECIPE, True)]:
        compiled = [layout.compiled for layout in list_layouts(recipe, 200, has_dropout)]
        assert any(compiled)
        assert compiled == sorted(compiled)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
        NotImplementedError("aten::nonzero"),
        torch.AcceleratorError("CUDA error: operation not permitted when stream is capturing"),
        OSError("no such process"),
    ],
)
def test_where_nothing_can_be_recorded_the_fastest_unrecorded_layout_is_chosen(error):
    """And where every layout fails, the plain one, which then says why."""

    def measure(layout):
        if layout.recorded or layout.compiled:
            raise error
        return 1 / layout.targets

    for recipe, best in [(TABLE_RECIPE, Layout(stack=128)), (IMAGE_RECIPE, Layout())]:
        layouts = list_layouts(recipe, 200, False)
        layout, table = choose_layout(layouts, measure)
        assert layout == best
        assert sum("failed" in row for row in table) >= 4

        def fail(layout):
            raise error

        layout, table = choose_layout(layouts, fail)
        assert layout == Layout()
        assert all("failed" in row for row in table)


def test_layouts_fit_the_number_of_targets_and_dropout_trains_alone():
    """The plain one first, then streams and stacks, the compiled last; none comes twice."""
    assert list_layouts(TABLE_RECIPE, 20, False) == [
        Layout(),
        Layout(recorded=True),
        Layout(stack=8, recorded=True),
        Layout(stack=8),
        Layout(stack=8, recorded=True, compiled=True),
    ]
    assert list_layouts(IMAGE_RECIPE, 200, False) == [
        Layout(),
        Layout(recorded=True),
        Layout(streams=4, recorded=True),
        Layout(stack=8, recorded=True),
        Layout(recorded=True, compiled=True),
        Layout(streams=4, recorded=True, compiled=True),
    ]
    for recipe in (TABLE_RECIPE, IMAGE_RECIPE):
        for targets in (2, 8, 200):
            layouts = list_layouts(recipe, targets, False)
            assert layouts[0] == Layout()
            assert len(set(layouts)) == len(layouts)
            assert all(layout.targets <= targets for layout in layouts)
            alone = list_layouts(recipe, targets, True)
            assert {layout.targets for layout in alone} == {1}
            assert Layout(recorded=True) in alone


def test_the_plain_layout_can_do_without_all_others_but_not_without_memory():
    layout = Layout(streams=2, stack=4, compiled=True, micro_batches=8, recorded=True)
    assert layout.plain() == Layout(micro_batches=8)
    assert Layout().plain() == Layout()


def test_run_json_keeps_the_keys_of_version_0_1_0():
    layout = Layout(streams=4, stack=8, compiled=True, micro_batches=2)
    config = {"lanes": 4, "width": 8, "compiled": True, "parts": 2, "recorded": False}
    assert layout.to_config() == config
    assert Layout.from_config(config) == layout
    del config["recorded"]  # as runs have it whose every layout was recorded
    layout = dataclasses.replace(layout, recorded=True)
    assert Layout.from_config(config) == layout
    assert Layout.from_config(layout.to_config()) == layout
    del config["parts"]  # as runs have it that were begun before batches had parts
    assert Layout.from_config(config) == dataclasses.replace(layout, micro_batches=1)
    assert config_key("NVIDIA H100") == "way on NVIDIA H100"
    assert failed_key("NVIDIA H100") == "way on NVIDIA H100 failed"
    assert MICRO_BATCHES_KEY == "parts"


def test_the_stack_on_a_cpu_is_the_recipes_where_products_are_batched():
    assert cpu_stack(TABLE_RECIPE) == TABLE_RECIPE.stack
    assert cpu_stack(IMAGE_RECIPE) == 1
    with pytest.raises(InputError, match="did you mean 'mlp'"):
        cpu_stack(dataclasses.replace(TABLE_RECIPE, model="mpl"))


def test_a_users_network_is_stacked_where_it_was_seen_that_it_can():
    recipe = dataclasses.replace(TABLE_RECIPE, model="nets.py:Net", settings={})
    can, cannot = {"is_stacked": True}, {"is_stacked": False}
    assert [cpu_stack(recipe, network) for network in (can, cannot, None)] == [4, 1, 1]
    sizes = [layout.stack for layout in list_layouts(recipe, 16, False, can)]
    assert sizes == [1, 8]
    assert list_layouts(recipe, 64, True, cannot) == list_layouts(recipe, 64, False) == [Layout()]
    assert not any(one.recorded or one.compiled for one in list_layouts(recipe, 64, False, can))
