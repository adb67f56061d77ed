"""Files of own scores, made up: one leaking eighth of the patients, one to three records each."""

import numpy as np
import pandas as pd
from scipy.special import expit

from rollcall.runs import external
from tests.oracles import risk as naive

TARGETS, PATIENTS = 16, 80


def make(folder, seed=0, each=None, name="P{:04d}", shift=4.0):
    """Write scores.npy, members.npy, ids.csv and table.csv; return their parts."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(PATIENTS) + 1
    names = np.array([name.format(number) for number in numbers])
    owner = np.repeat(np.arange(PATIENTS), each or rng.integers(1, 4, PATIENTS))
    members = naive.paired(rng, TARGETS, PATIENTS)
    leak = np.arange(PATIENTS) < PATIENTS // 8
    scores = rng.standard_normal((TARGETS, len(owner))) + rng.normal(1, 1, len(owner))
    scores += shift * (members & leak)[:, owner]
    groups = pd.DataFrame({"patient_id": names, "group": np.where(leak, "B", "A")})
    np.save(folder / "scores.npy", scores.astype(np.float32))
    np.save(folder / "members.npy", members)
    pd.DataFrame({"patient_id": names[owner]}).to_csv(folder / "ids.csv", index=False)
    groups.to_csv(folder / "table.csv", index=False)
    return scores.astype(np.float32), members, names, owner


def create(folder, out=None, attributes="table.csv", **other):
    """`external.create` on the files in a folder, or others in their place."""
    paths = {"scores": "scores.npy", "members": "members.npy", "patients": "ids.csv"}
    options = {key: other.pop(key) for key in ("kind", "smallest_cell") if key in other}
    paths |= {"attributes": attributes} | other
    given = {key: folder / value if value else None for key, value in paths.items()}
    return external.create(**given, out=out or folder.parent / "out", **options)


def class_probabilities(scores, labels, classes=2, seed=1):
    """(M, N, C): probabilities of which log(p / (1 - p)) of the own label are `scores`."""
    rng = np.random.default_rng(seed)
    share = rng.dirichlet(np.ones(classes - 1), scores.shape[1])
    own = expit(scores.astype(np.float64))
    out = np.empty((*scores.shape, classes))
    for record, label in enumerate(labels):
        others = [column for column in range(classes) if column != label]
        out[:, record, label] = own[:, record]
        out[:, record, others] = (1 - own[:, record])[:, None] * share[record]
    return out
