"""A recipe in a file of a user's: the same keys and checks, and one line for what is none."""

import hashlib
import re

import pytest

from rollcall import auditing, recipes
from rollcall.recipes import find_paths
from rollcall.recipes.reading import is_file
from rollcall.runs import run
from rollcall.util.errors import InputError

SMALL = 'model = "mlp"\nepochs = 3\nbatch = 16\nlearning_rate = 1e-3\n'
NET = (
    "from torch import nn\ndef Net(s, o): return nn.Sequential(nn.Flatten(), nn.Linear(1024, o))\n"
)


def write(folder, text, name="my.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def choose(path, *entries, model=""):
    return recipes.choose("simulated", model, [path, *entries], "images")


def test_a_file_is_a_recipe(tmp_path):
    path = write(tmp_path, SMALL + "settings = { width = 8 }\nweight_decay = 1\n")
    recipe = choose(path)
    assert recipe == recipes.Recipe("mlp", 3, 16, 1e-3, {"width": 8}, weight_decay=1.0)
    assert recipe.sources["recipe"] == path
    with open(path, "rb") as file:
        assert recipe.sources["recipe sha256"] == hashlib.sha256(file.read()).hexdigest()
    changed = choose(path, "epochs=5", "settings.depth=1")
    assert (changed.epochs, changed.settings) == (5, {"width": 8, "depth": 1})
    exchanged = choose(path, model="small_cnn")
    assert (exchanged.model, exchanged.settings, exchanged.epochs) == ("small_cnn", {}, 3)
    assert choose(path, model="mlp").settings == {"width": 8}


def test_what_is_a_file_and_what_a_setting():
    assert all(map(is_file, ("my.toml", "a=b/my.toml", "/a:b/my.TOML", "settings.toml")))
    settings = ("settings.weights=x.toml", "epochs=5.toml", "augment:a.toml", "quick", "toml")
    assert not any(map(is_file, settings))


def test_a_file_whose_comments_change_is_the_same_recipe(tmp_path, tiny):
    """run.json names the file and its sha256, which decide nothing."""
    made = run.create(tmp_path / "r", tiny, choose(write(tmp_path, SMALL)), 8)
    again = choose(write(tmp_path, "# mine\n" + SMALL))
    reopened = run.create(tmp_path / "r", tiny, again, 8)
    assert run.open_run(made.path).recipe.sources == reopened.recipe.sources == again.sources
    assert "sources" not in reopened.config["recipe"]
    with pytest.raises(InputError, match="this run's recipe is"):
        run.create(tmp_path / "r", tiny, choose(write(tmp_path, SMALL + "ema = 0.9")), 8)


def test_the_networks_file_is_beside_the_recipes(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "nets.py").write_text(NET)
    path = write(folder, SMALL.replace("mlp", "nets.py:Net") + "settings = { a = [1, 'b'] }")
    monkeypatch.chdir(tmp_path)
    recipe = choose("mine/my.toml")
    assert recipe.model == "nets.py:Net"
    assert recipe.settings == {"a": [1, "b"]}
    assert recipe.sources["model"] == str(folder / "nets.py")
    assert choose("mine/my.toml", model="mine/nets.py:Net") == recipe
    assert choose("mine/my.toml", model="mine/nets.py:Net2").settings == {}
    bare = write(folder, SMALL.split("\n", 1)[1] + "settings = { a = 1 }", "bare.toml")
    assert choose(bare, model="mine/nets.py:Net").settings == {"a": 1}
    with pytest.raises(InputError, match=r'has no model; add model = "mlp"'):
        choose(bare)
    assert find_paths("mine/nets.py:Net", ["mine/my.toml", "epochs=3"]) == (
        f"{folder}/nets.py:Net",
        [path, "epochs=3"],
    )
    assert find_paths("mlp", ["quick"]) == ("mlp", ["quick"])
    with pytest.raises(InputError, match="there is no file"):
        find_paths("nets.py:Net")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no epochs; a recipe says at least epochs, batch, learning_rate"),
        ("epochs = ", "my.toml: Invalid value"),
        (b"\xff\xfe", "expected TOML in UTF-8"),
        (
            SMALL + "epocs = 4",
            "unknown key 'epocs' of a recipe, in .*my.toml; did you mean 'epochs'",
        ),
        (SMALL + "files = {}", "unknown key 'files'"),
        (SMALL + "sources = {}", "unknown key 'sources'"),
        ("[training]\n" + SMALL, "unknown key 'training'"),
        (SMALL.replace("3", "0"), "my.toml: recipe: epochs is 0, expected above 0"),
        (SMALL.replace("3", '"3"', 1), "my.toml: epochs is '3'; expected a whole number"),
        (SMALL.replace("3", "2.5", 1), "epochs is 2.5; expected a whole number"),
        (SMALL.replace("3", "true", 1), "epochs is True; expected a whole number"),
        (SMALL.replace("1e-3", "nan"), "learning_rate is nan; expected a number"),
        (SMALL.replace("1e-3", "inf"), "learning_rate is inf; expected a number"),
        (SMALL.replace("1e-3", "2026-01-01"), "learning_rate is datetime.date"),
        (SMALL.replace('"mlp"', "3"), "model is 3; expected a text"),
        (SMALL.replace("mlp", "mpl"), "unknown model 'mpl'; did you mean 'mlp'"),
        (SMALL.replace("mlp", "gone.py:Net"), "there is no file .*gone.py"),
        (SMALL.replace("mlp", "resnet1d"), "needs signals .* and cohort 'simulated' has images"),
        (SMALL + "settings = { widht = 3 }", "unknown setting 'widht' of model 'mlp'"),
        (SMALL + "settings = 3", "settings is 3; expected a table"),
        (SMALL + 'optimiser = "adam"', "optimiser is 'adam', expected adamw or sgd"),
        (SMALL + 'cohort = { rules = "paper" }', "unknown option 'rules' of cohort 'simulated'"),
        (SMALL + 'cohort = { patients = "many" }', "patients is 'many'; expected a value like"),
        (SMALL + SMALL, "Cannot overwrite a value"),
        ("a = " + "[" * 5000, "expected TOML"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        auditing.check_plan(cohort="simulated", recipe=[write(tmp_path, text)])
    assert "\n" not in str(caught.value)


def test_paths_that_are_none(tmp_path):
    with pytest.raises(InputError, match=r"gone\.toml: there is no such file; expected a recipe"):
        choose(str(tmp_path / "gone.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(InputError, match="there is no such file"):
        choose(str(tmp_path / "folder.toml"))
    with pytest.raises(InputError, match="expected one name at most"):
        choose(write(tmp_path, SMALL), "quick")


def test_settings_of_ones_own_network_are_what_run_json_can_hold(tmp_path):
    (tmp_path / "nets.py").write_text(NET)
    own = SMALL.replace("mlp", "nets.py:Net")
    message = re.escape("setting a of model 'nets.py:Net' is inf; expected a number")
    with pytest.raises(InputError, match=message):
        choose(write(tmp_path, own + "settings = { a = inf }"))
    with pytest.raises(InputError, match="is datetime"):
        choose(write(tmp_path, own), "settings.a=2026-01-01")


def test_a_run_of_ones_own_network_is_called_like_it(tmp_path, tiny):
    (tmp_path / "nets.py").write_text(NET)
    model = f"{tmp_path}/nets.py:Net"
    options = {"cohort": "simulated", "targets": 8, "options": ["patients=60"]}
    where = {"out": str(tmp_path / "out"), "data": str(tiny.folder.parents[2])}
    study = auditing.plan(model=model, **options, **where)
    assert study.run.path == tmp_path / "out" / "simulated" / "nets-Net"
