"""Findings and films of simulated chest releases."""

import numpy as np
from PIL import Image

from rollcall.datasets.parts.chest import FINDINGS
from rollcall.rehearse.chest import DISEASE_SHARES, DISEASES, draw_findings, write_film


def test_the_shares_are_of_all_diseases():
    assert len(DISEASES) == len(DISEASE_SHARES) == 13
    assert np.isclose(DISEASE_SHARES.sum(), 1)


def test_films_show_what_their_labels_say_but_for_a_few():
    rng, agreeing, seen = np.random.default_rng(0), 0, set()
    for _ in range(500):
        shown, labels = draw_findings(rng)
        assert list(labels) == list(FINDINGS)
        seen |= {str(value) for value in labels.values()}
        certain = {position for position, name in enumerate(FINDINGS) if labels[name] == 1}
        uncertain = {position for position, name in enumerate(FINDINGS) if labels[name] == -1}
        agreeing += certain <= set(shown) <= certain | uncertain
    assert seen == {"1.0", "0.0", "-1.0", "nan"}
    assert 0.88 < agreeing / 500 < 1


def test_a_film_is_a_grey_jpeg(tmp_path):
    write_film(tmp_path / "new" / "film.jpg", [1, 5], [0, 1], [0, 2], height=40, width=56)
    with Image.open(tmp_path / "new" / "film.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "L", (56, 40))
