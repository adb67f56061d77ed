"""Tables and images of simulated releases."""

import gzip

import numpy as np
import pandas as pd
import pytest

from rollcall.rehearse.drawing import draw_scene, write_table


def scene(patient, record, marks=(), count=4, height=64, width=48):
    rngs = np.random.default_rng(patient), np.random.default_rng(record)
    return draw_scene(*rngs, height, width, marks, count)


def test_missing_values_are_empty_fields(tmp_path):
    write_table(tmp_path / "new" / "table.csv", pd.DataFrame({"a": [1.0, None], "b": ["x", ""]}))
    assert (tmp_path / "new" / "table.csv").read_bytes() == b"a,b\n1.0,x\n,\n"


def test_the_same_table_gives_the_same_bytes(tmp_path):
    table = pd.DataFrame({"a": [1, 2]})
    for name in ("one.csv.gz", "two.csv.gz"):
        write_table(tmp_path / name, table)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.csv.gz", "two.csv.gz"))
    assert one == two
    assert gzip.decompress(one) == b"a\n1\n2\n"


def test_a_scene_is_a_grey_image():
    image = scene(1, 2)
    assert image.dtype == np.uint8
    assert image.shape == (64, 48)


@pytest.mark.parametrize("mark", range(4))
def test_a_mark_is_a_bright_disc_at_its_angle(mark):
    # the same draws before the grain: the two images differ by the disc
    row, column = 0.5 + 0.32 * np.sin(np.pi * mark / 2), 0.5 + 0.32 * np.cos(np.pi * mark / 2)
    brighter = scene(1, 2, (mark,)).astype(float) - scene(1, 2)
    places = np.argwhere(brighter > 50) / brighter.shape
    assert len(places) > 20
    np.testing.assert_allclose(places.mean(axis=0), (row, column), atol=0.08)


def test_images_of_one_patient_share_their_background():
    one, two, other = (
        scene(patient, record).astype(float) for patient, record in ((1, 2), (1, 3), (4, 2))
    )
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.95
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.9
