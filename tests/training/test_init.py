"""What cannot be trained is refused before any worker starts."""

import dataclasses

import numpy as np
import pytest

from rollcall import training
from rollcall.runs import run
from rollcall.util.errors import InputError
from tests.training.common import TABLE_RECIPE


@pytest.mark.parametrize(
    ("change", "message"),
    [({"augment": "medum"}, "did you mean 'medium'"), ({"augment": "none", "views": 4}, "4 views")],
)
def test_an_augmentation_that_cannot_be_is_refused_before_training(tiny, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        training.train(
            run.create(tmp_path / "r", tiny, dataclasses.replace(TABLE_RECIPE, **change), 8),
            tiny,
            workers=1,
        )


def test_a_table_has_no_augmentation_and_no_views(tiny):
    table = dataclasses.replace(tiny, inputs=np.zeros((len(tiny), 5), np.float32))
    training.check(TABLE_RECIPE, table)
    with pytest.raises(InputError, match="has no images; expected none"):
        training.check(dataclasses.replace(TABLE_RECIPE, augment="weak"), table)
    with pytest.raises(InputError, match="3 views with augmentation 'none'"):
        training.check(dataclasses.replace(TABLE_RECIPE, views=3), table)
