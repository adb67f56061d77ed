"""Targets of a user's network: as ours where it is ours, the same bits again, no leak by itself."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from rollcall import recipes, training
from rollcall.runs import run
from rollcall.stats import metrics
from rollcall.training.backends.worker import join_run
from rollcall.training.stack import to_device
from rollcall.training.trainer import Trainer
from rollcall.util.errors import InputError

NETS = """
import math
from torch import nn
from parts import Last

def Mlp(input_shape, outputs, width=128, depth=2):
    layers, size = [nn.Flatten()], math.prod(input_shape)
    for _ in range(depth):
        layers += [nn.Linear(size, width), nn.ReLU()]
        size = width
    return nn.Sequential(*layers, Last(size, outputs))

class Net(nn.Module):
    def __init__(self, input_shape, outputs, width=16, drop=0.0, norm=False):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(input_shape), width),
            nn.BatchNorm1d(width) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Dropout(drop),
            Last(width, outputs),
        )
        self.unused = nn.Linear(2, 2)
        self.seen = 0

    def forward(self, x):
        if self.training and len(x) != 2:
            self.seen += 1
            if self.seen == FAILS_AT:
                raise ValueError("no more")
        return self.body(x)
"""
FAILS_AT = -1
PLAIN_SGD = ("optimiser=sgd", "momentum=0", "learning_rate=0.05", "weight_decay=0")


@pytest.fixture
def nets(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "nets.py").write_text(f"FAILS_AT = {FAILS_AT}\n{NETS}")
    (folder / "parts.py").write_text("from torch import nn\nclass Last(nn.Linear): ...\n")
    return folder / "nets.py"


def make(path, cohort, model, *entries, targets=8):
    recipe = recipes.choose("simulated", str(model), ["epochs=3", "batch=16", *entries], "images")
    return run.create(path, cohort, recipe, targets)


def train(made, cohort, targets=range(8)):
    """Train in this process, as a worker does: {target: logits}."""
    made = training.prepare(made, cohort)
    worker = join_run(str(made.path), made.targets, str(cohort.folder), "cpu")
    worker.train(list(targets))
    return {target: np.array(made.logits(target)) for target in targets}


def test_ones_own_mlp_is_the_mlp_bit_for_bit(tiny, tmp_path, nets):
    """In its stack of 8, with a file beside it."""
    ours = make(tmp_path / "ours", tiny, "mlp", "settings.width=32")
    theirs = make(tmp_path / "theirs", tiny, f"{nets}:Mlp", "settings.width=32")
    assert theirs.recipe.stack == ours.recipe.stack == 8
    expected, trained = train(ours, tiny), train(theirs, tiny)
    assert all((trained[target] == expected[target]).all() for target in range(8))
    config = json.loads((theirs.path / "run.json").read_text())
    assert config["recipe"]["model"] == "nets.py:Mlp"
    assert set(config["recipe"]["files"]) == {"nets.py", "parts.py"}
    assert config["network"]["parameters"] == 32 * (1024 + 1 + 32 + 1) + 3 * 33


@pytest.mark.parametrize(
    "settings",
    [["settings.norm=true"], ["settings.drop=0.5"], ["settings.norm=true", "ema=0.9"], []],
)
def test_the_same_seed_gives_the_same_bits_alone_and_resumed(tiny, tmp_path, nets, settings):
    model = f"{nets}:Net"
    first = train(make(tmp_path / "first", tiny, model, *settings), tiny)
    for target in (5, 2):  # each alone, in a process that has trained others, in another order
        alone = train(make(tmp_path / f"{target}", tiny, model, *settings), tiny, [target])
        assert (alone[target] == first[target]).all()
    halved = make(tmp_path / "halves", tiny, model, *settings)
    train(halved, tiny, range(4))
    again = train(run.open_run(halved.path), tiny)
    assert all((again[target] == first[target]).all() for target in range(8))
    assert any((first[0] != first[target]).any() for target in range(1, 8))


def test_batch_norm_trains_as_a_plain_loop_does(tiny, tmp_path, nets):
    """Against a loop with torch's optimiser: statistics of batches, then the running ones."""
    from rollcall import models
    from rollcall.training.batches import as_input, count_steps, draw_batches, target_seed
    from rollcall.training.optimiser import learning_rate

    made = make(tmp_path / "r", tiny, f"{nets}:Net", "settings.norm=true", *PLAIN_SGD)
    trained, recipe, seed = train(made, tiny, [3])[3], made.recipe, target_seed(0, 3)
    torch.manual_seed(seed)
    network, steps = models.build_for(recipe, tiny), count_steps(made.recipe, len(tiny))
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    records = np.flatnonzero(made.members()[3][tiny.patient_index])
    inputs = as_input(torch.from_numpy(np.asarray(tiny.inputs)))
    for step, index in enumerate(draw_batches(seed, records, recipe.batch, steps)):
        optimiser.param_groups[0]["lr"] = learning_rate(recipe, step, steps)
        labels = torch.from_numpy(tiny.labels[index])
        loss = torch.nn.functional.cross_entropy(network(inputs[index]), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        expected = network.eval()(inputs).numpy()
    np.testing.assert_allclose(trained, expected, atol=1e-5)


def test_batch_statistics_and_dropout_leak_nothing_by_themselves(tiny, tmp_path, nets):
    """Who was a member of other models, drawn alike, cannot be told: AUC 0.5."""
    entries = ("settings.norm=true", "settings.drop=0.3", "epochs=10")
    made = make(tmp_path / "r", tiny, f"{nets}:Net", *entries, targets=16)
    logits, members = train(made, tiny, range(16)), made.members()
    others = members[:, np.random.default_rng(1).permutation(len(tiny.patients))]
    areas = [
        [
            metrics.auc(logits[target][np.arange(len(tiny)), tiny.labels], row)
            for target, row in enumerate(rows[:, tiny.patient_index])
        ]
        for rows in (members, others)
    ]
    assert np.mean(areas[0]) > 0.55
    assert abs(np.mean(areas[1]) - 0.5) < 0.04


def test_a_file_that_changed_or_moved(tiny, tmp_path, nets):
    """Changed, or beside it: refused in a line. Moved with its folder: resumed."""
    made = make(tmp_path / "r", tiny, f"{nets}:Net")
    first = train(made, tiny, [0])
    parts, text = nets.with_name("parts.py"), nets.with_name("parts.py").read_text()
    parts.write_text(text + "# changed\n")
    with pytest.raises(
        InputError, match=r"parts\.py, of this run's model 'nets\.py:Net', is not as"
    ):
        make(tmp_path / "r", tiny, f"{nets}:Net")
    with pytest.raises(InputError, match=r"mine/parts\.py: not as it was when the run began"):
        train(run.open_run(tmp_path / "r"), tiny, [1])
    parts.write_text(text)
    moved = nets.parent.rename(tmp_path / "moved") / "nets.py"
    with pytest.raises(InputError, match=r"nets\.py: cannot be read"):
        train(run.open_run(tmp_path / "r"), tiny, [1])
    again = make(tmp_path / "r", tiny, f"{moved}:Net")
    assert again.recipe.sources["model"] == str(moved)
    assert (train(again, tiny)[0] == first[0]).all()
    with pytest.raises(InputError, match="this run's recipe is"):
        make(tmp_path / "r", tiny, f"{moved}:Mlp")


def test_an_error_in_the_middle_of_training_has_its_line(tiny, tmp_path, nets):
    nets.write_text(nets.read_text().replace("FAILS_AT = -1", "FAILS_AT = 9"))
    made = make(tmp_path / "r", tiny, f"{nets}:Net", "stack=1")
    with pytest.raises(
        InputError, match=r"training 'nets.py:Net' failed: .*nets\.py, line 32: ValueError: no more"
    ):
        training.train(made, tiny, workers=1)  # in a process of its own
    assert made.missing() == list(range(8))


def test_a_machines_fault_in_a_network_is_not_its_users(tiny, tmp_path, nets, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 TB")

    made = training.prepare(make(tmp_path / "r", tiny, f"{nets}:Net"), tiny)
    worker = join_run(str(made.path), 8, str(tiny.folder), "cpu")
    monkeypatch.setattr(torch.nn.Sequential, "forward", refuse)
    with pytest.raises(RuntimeError, match="can't allocate memory") as caught:
        worker.train([0])
    assert not isinstance(caught.value, InputError)


def test_a_binary_cohort_a_table_and_a_signal(tiny, tmp_path, nets):
    """Of every kind of input, as long as the network takes it."""
    labels = (tiny.labels > 0).astype(np.int64)
    binary = dataclasses.replace(tiny, labels=labels, task="binary", classes=("no", "yes"))
    flat = np.asarray(tiny.inputs).reshape(len(tiny), -1)[:, ::16].astype(np.float32)
    for inputs in (flat, flat.reshape(len(tiny), 32, 2)):
        cohort = dataclasses.replace(binary, inputs=inputs)
        recipe = recipes.choose("table", f"{nets}:Net", kind="features")
        assert training.check(recipe, cohort).is_stacked


def test_small_networks_of_every_precision(tiny, tmp_path, nets):
    """bf16 where a recipe asks for it, float32 else; logits are stored in float32."""
    made = make(tmp_path / "r", tiny, f"{nets}:Net", "precision=bf16")
    assert train(made, tiny, [0])[0].dtype == np.float32
    assert run.open_run(made.path).config["precision"] == "bf16"
    assert train(make(tmp_path / "s", tiny, f"{nets}:Net"), tiny, [0])
    assert run.open_run(tmp_path / "s").config["precision"] == "float32"


def test_a_network_that_writes_into_its_input_changes_no_data(tiny, tmp_path, nets):
    """In place, as some do: of a table, whose numbers are the cohort's own."""
    inputs = np.asarray(tiny.inputs).reshape(len(tiny), -1)[:, ::16].astype(np.float32)
    cohort = dataclasses.replace(tiny, inputs=inputs)
    nets.write_text(nets.read_text().replace("return self.body(x)", "return self.body(x.sub_(9))"))
    recipe = recipes.choose("table", f"{nets}:Net", ["epochs=1"], "features")
    training.check(recipe, cohort)
    data, before = to_device(cohort), inputs.copy()
    records = [np.arange(len(tiny))]
    first, again = (next(Trainer(data, recipe).train(records, [1]))[0] for _ in range(2))
    assert (inputs == before).all()
    assert (first == again).all()
