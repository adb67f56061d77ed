"""Networks that a user brings: what is taken, and the one line for each that is not."""

import dataclasses
import os
import re
import sys

import numpy as np
import pytest
import torch

from rollcall import models, recipes, training
from rollcall.models.given import build_given, digest_given, is_given, name_run, parse_given
from rollcall.models.given.names import names_network
from rollcall.util.errors import InputError
from rollcall.util.faults import MachineError
from rollcall.util.files import clone

HEAD = """
import torch
from torch import nn
RNG = torch.Generator()
def size(shape):
    return torch.Size(shape).numel()
"""
PLAIN = """
def Net(input_shape, outputs, width=8):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(size(input_shape), width), nn.ReLU(), nn.Linear(width, outputs)
    )
"""
FORWARD = """
class Net(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        self.dense = nn.Linear(size(input_shape), outputs)
{init}
    def forward(self, x):
        x = x.flatten(1)
        {forward}
"""


def write(folder, body, name="nets.py"):
    (folder / name).write_text(HEAD + body)
    return f"{folder / name}:Net"


def written(folder, forward="return self.dense(x)", init=""):
    init = "\n".join(f"        {line}" for line in init.splitlines())
    return write(folder, FORWARD.format(init=init, forward=forward))


def check(model, cohort, **changes):
    recipe = recipes.choose("simulated", model, kind="images")
    return training.check(dataclasses.replace(recipe, **changes), cohort)


def test_names():
    assert all(map(is_given, ("nets.py:Net", "timm:resnet18", "nets.py")))
    assert not any(map(is_given, models.MODELS))
    assert name_run("nets.py:Net") == "nets-Net"
    assert name_run("timm:vit_tiny.augreg") == "timm-vit_tiny.augreg"
    assert name_run("my nets.py:Näher") == "my-nets-N-her"
    assert name_run("wrn_28_2") == "wrn_28_2"
    assert all(map(names_network, ("a/nets.py:Net", "timm:x")))
    assert not any(map(names_network, ("epochs:5", "settings.width=3")))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("nets.py", "expected nets.py:NAME"),
        ("nets.py:", "'' is no name of Python"),
        ("nets.py:Net()", r"'Net\(\)' is no name of Python"),
        ("nets.py:a.b", "'a.b' is no name"),
        ("gone.py:Net", "there is no file /.*gone.py"),
        ("nets:Net", "unknown package of models 'nets' in 'nets:Net'"),
        ("tim:resnet18", "did you mean 'timm'"),
        ("../nets.txt:Net", "expected a name that `rollcall list models` prints, FILE.py:NAME"),
        ("timm:", "expected timm:NAME"),
        ("timm:hf-hub:somebody/net", "expected a name that"),
        (":Net", "unknown package of models ''"),
    ],
)
def test_a_name_that_is_none(model, message):
    with pytest.raises(InputError, match=message):
        parse_given(model)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "nets.py").mkdir()
    with pytest.raises(InputError, match="there is no file"):
        parse_given(f"{tmp_path}/nets.py:Net")


def test_a_network_is_built_and_described(tmp_path, tiny):
    traits = check(write(tmp_path, PLAIN), tiny)
    assert traits.parameters == 1024 * 8 + 8 + 8 * 3 + 3
    assert traits.is_stacked
    assert traits.notes == ()
    assert isinstance(models.build(write(tmp_path, PLAIN), (4,), 1, width=3), torch.nn.Module)
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def Net(:", r"nets.py, line 7: invalid syntax; expected a file of Python"),
        ("1 / 0", r"cannot be imported: .*nets.py, line 7: ZeroDivisionError: division by zero"),
        ("import no_such_module", "line 7: ModuleNotFoundError: No module named 'no_such_module'"),
        ("from .parts import Deep", "line 7: ImportError: attempted relative import"),
        ("raise SystemExit(0)", "line 7: SystemExit: it ends the process"),
        ("Nett = nn.Linear", r"unknown network 'Net' in .*nets.py"),
        ("def net(*a): pass", "did you mean 'net'"),
        ("Net = 3", "Net is a int; expected a class or function"),
        ("def Net(s, o): return 3", "Net gave a int; expected a network"),
        ("def Net(s, o): return nn.Linear", "Net gave a type; expected a network"),
        ("def Net(): return nn.Linear(3, 3)", r"built by Net\(\(32, 32, 1\), 3\): TypeError"),
        ("def Net(s, o):\n    return nn.Linear(s, o)", "nets.py, line 8: TypeError"),
        ("def Net(s, o):\n    raise MyError", "nets.py, line 8: NameError"),
        ("def Net(s, o): return Net(s, o)", "line 7: RecursionError"),
        ("LAYER = nn.Linear(1024, 3)\ndef Net(s, o): return nn.Sequential(nn.Flatten(), LAYER)",
         "gives the same weights again when it is called twice; expected a new network"),
        ("def Net(s, o): return nn.Flatten()", "has no trainable weight"),
        (PLAIN.replace("nn.Linear(width, outputs)", "nn.Linear(width, outputs).double()"),
         "weight '3.weight' is torch.float64 on cpu; expected torch.float32"),
        (PLAIN.replace("def Net", "def Inner") + """
def Net(s, o):
    torch.seed()
    return Inner(s, o)
""", "two networks of one seed differ"),
        ("\x00", "null bytes"),
    ],
)  # fmt: skip
def test_a_file_that_gives_no_network(tmp_path, tiny, body, message):
    with pytest.raises(InputError, match=message) as caught:
        check(write(tmp_path, body), tiny)
    assert "\n" not in str(caught.value)
    assert torch.get_default_dtype() == torch.float32
    check(write(tmp_path, PLAIN), tiny)  # mended, in the same process


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("return self.dense(x)[:, :2]", r"gives \(8, 2\) in torch.float32; expected logits \(8, 3"),
        ("return self.dense(x).argmax(1)", r"gives \(8,\) in torch.int64"),
        ("return self.dense(x).squeeze()", r"gives \(3,\) .*for 1 records"),
        ("return self.dense(x).double()", "in torch.float64; expected"),
        ("return self.dense(x).half()", "in torch.float16; expected"),
        ("return self.dense(x), x", "gives a tuple; expected logits"),
        ("return {'logits': self.dense(x)}", "gives a dict; expected"),
        ("return None", "gives a NoneType; expected"),
        ("return self.dense(x[:, :5])", "nets.py, line 15: RuntimeError: mat1 and mat2"),
        (
            "raise ValueError('two\\nlines')",
            r"on records of this cohort, each \(32, 32, 1\): .*line 15: V",
        ),
        ("assert len(x) > 1; return self.dense(x)", "line 15: AssertionError"),
        ("return self.dense(x - x.mean(0))", "in eval mode the logits of a record depend on the o"),
        ("return self.dense(x) + torch.rand(1)", "gives other logits each time in eval mode"),
        ("return self.dense(x) / 0", "gives NaN or infinite logits with its first weights"),
        ("return self.dense(x).softmax(1)", "ends with a softmax, and gives probabilities"),
        ("return torch.sigmoid(self.dense(x))", "ends with a sigmoid, and gives probabilities"),
        (
            "return self.dense(x * torch.rand(1, generator=RNG) if self.training else x)",
            "in training two networks of one seed give other logits",
        ),
        ("return self.dense(x).detach()", "its logits do not depend on its weights"),
        ("return torch.zeros(len(x), 3)", "its logits do not depend on its weights"),
        ("import os; os.kill; raise SystemExit(3)", "line 15: SystemExit: it ends the process"),
        ("return self.dense(x).to_sparse()", "line 15|Sparse|sparse"),
    ],
)
def test_a_network_that_cannot_be_audited(tmp_path, tiny, forward, message):
    with pytest.raises(InputError, match=message) as caught:
        check(written(tmp_path, forward), tiny)
    assert "\n" not in str(caught.value)


def test_memory_that_is_short_is_the_machines_fault(tmp_path, tiny):
    body = "def Net(s, o): return nn.Linear(1024, 10**12)"
    with pytest.raises(MachineError, match=r"cannot be built by Net\(.*: too little memory"):
        check(write(tmp_path, body), tiny)
    with pytest.raises(KeyboardInterrupt):
        check(write(tmp_path, "raise KeyboardInterrupt"), tiny)


def test_sparse_gradients_are_refused(tmp_path, tiny):
    forward = "return self.table((x[:, :4] > 0).long()).mean(1)"
    with pytest.raises(InputError, match=r"weight 'table.weight' gets a sparse gradient"):
        check(
            written(tmp_path, forward, "self.table = nn.Embedding(2, outputs, sparse=True)"), tiny
        )


@pytest.mark.parametrize(
    ("init", "forward", "note"),
    [
        ("self.norm = nn.BatchNorm1d(3)", "return self.norm(self.dense(x))", "batch statistics"),
        ("self.drop = nn.Dropout(0.5)", "return self.drop(self.dense(x))", "dropout"),
        ("", "return self.dense(x) * (1 + self.training * torch.rand(3))", "dropout"),
        ("", "return self.dense(x - x.mean(0) if self.training else x)", "batch statistics"),
        (
            "self.register_buffer('seen', torch.zeros(1))",
            "self.seen += self.training; return self.dense(x)",
            r"keeps state beside its weights \(buffer 'seen'\)",
        ),
        (
            "self.seen = 0",
            "self.seen += self.training; return self.dense(x) * self.seen ** self.training",
            r"keeps state beside its weights \(an attribute\)",
        ),
        ("self.mix = torch.randn(3)", "return self.dense(x) * self.mix", "neither weights nor"),
        (
            "self.register_buffer('mix', torch.randn(3))",
            "return self.dense(x) * self.mix",
            "neither weights nor the same",
        ),
        ("", "return self.dense(x) * float(x.sum() > -1e9)", "it cannot be stacked .vmap"),
        ("nn.utils.parametrizations.weight_norm(self.dense)", "return self.dense(x)", "drop"),
        ("self.gru = nn.GRU(4, 3)", "return self.dense(x) + self.gru(x[None, :, :4])[0][0]", ""),
    ],
)
def test_what_trains_one_after_another(tmp_path, tiny, init, forward, note):
    traits = check(written(tmp_path, forward, init), tiny)
    assert not traits.is_stacked
    assert re.search(note, " ".join(traits.notes))
    assert any("one after another" in each for each in traits.notes)


@pytest.mark.parametrize(
    ("init", "forward"),
    [
        ("self.register_buffer('scale', torch.ones(3))", "return self.dense(x) * self.scale"),
        ("self.norm = nn.LayerNorm(3)", "return self.norm(self.dense(x))"),
        ("self.dense = nn.LazyLinear(outputs)", "return self.dense(x)"),
        ("self.tied = self.dense", "return self.tied(x) + self.dense(x)"),
        ("", "x = x.clone(); x -= x.mean(1, keepdim=True); return self.dense(x)"),
        ("self.drop = nn.Dropout(0.0)", "return self.drop(self.dense(x))"),
    ],
)
def test_what_trains_in_stacks(tmp_path, tiny, init, forward):
    traits = check(written(tmp_path, forward, init), tiny)
    assert traits.is_stacked
    assert traits.notes == ()
    assert not check(written(tmp_path, forward, init), tiny, stack=1).is_stacked


def test_what_else_is_told(tmp_path, tiny):
    """Weights that get no gradient, the same start for all, an average beside statistics."""
    unused = "self.unused = nn.Linear(2, 2)"
    (note,) = check(written(tmp_path, init=unused), tiny).notes
    assert note == "2 of 4 of its weights get no gradient"
    same = "torch.manual_seed(0)\nself.dense = nn.Linear(size(input_shape), outputs)"
    (note,) = check(written(tmp_path, init=same), tiny).notes
    assert note.startswith("its first weights do not follow from the seed")
    norm = "self.norm = nn.BatchNorm1d(3)"
    model = written(tmp_path, "return self.norm(self.dense(x))", norm)
    assert check(model, tiny, ema=0.9).notes[-1].startswith("the average of the weights")
    frozen = "self.body = nn.Linear(3, 3).requires_grad_(False)"
    traits = check(written(tmp_path, "return self.body(self.dense(x))", frozen), tiny)
    assert traits.parameters == 1024 * 3 + 3
    assert not traits.is_stacked


def test_generators_are_as_before(tmp_path, tiny):
    import random

    body = "import random\nimport numpy\n" + PLAIN.replace("width, outputs)", "width, outputs)")
    model = write(
        tmp_path, body.replace("    return", "    random.random(), numpy.random.rand()\n    return")
    )
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    expected = torch.rand(1), np.random.rand(), random.random()
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    check(model, tiny)
    assert (torch.rand(1), np.random.rand(), random.random()) == expected


def test_settings_of_the_process_are_as_before(tmp_path, tiny, monkeypatch):
    """Whatever the file sets when it is imported: it is put back, and the network is as always."""
    monkeypatch.chdir(tmp_path.parent)
    before = torch.get_num_threads()
    body = f"""
import os
torch.set_grad_enabled(False)
torch.set_default_dtype(torch.float64)
torch.set_num_threads({before + 1})
torch.set_default_device("meta")
os.chdir({str(tmp_path)!r})
"""
    assert check(write(tmp_path, body + PLAIN), tiny).is_stacked
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == before
    assert torch.get_default_device().type == torch.zeros(1).device.type == "cpu"
    assert os.getcwd() == str(tmp_path.parent)


def test_files_beside_it(tmp_path, tiny):
    """Modules, packages, folders without __init__, imports inside functions; each is hashed."""
    (tmp_path / "parts.py").write_text("from torch import nn\nfrom pack.deep import Deep\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from . import deep\nfrom .also import X\n")
    (tmp_path / "pack" / "deep.py").write_text("from torch import nn\nclass Deep(nn.Linear): ...\n")
    (tmp_path / "pack" / "also.py").write_text("from . import deep\nX = 1\n")
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "late.py").write_text("Y = 2\n")
    (tmp_path / "unused.py").write_text("1 / 0")
    (tmp_path / "data").mkdir()
    body = """
from parts import Deep
class Net(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        self.dense = Deep(size(input_shape), outputs)
    def forward(self, x):
        from loose.late import Y
        return self.dense(x.flatten(1)) * Y
"""
    model = write(tmp_path, body)
    names = {"nets.py", "parts.py", "pack/__init__.py", "pack/deep.py", "pack/also.py"}
    assert set(digest_given(parse_given(model))) == names | {"loose/late.py"}
    assert check(model, tiny).is_stacked
    (tmp_path / "pack" / "deep.py").write_text("import torch\nraise ValueError('later')\n")
    with pytest.raises(InputError, match=r"pack/deep.py, line 2: ValueError: later"):
        check(model, tiny)
    (tmp_path / "pack" / "deep.py").write_text("def (")
    with pytest.raises(InputError, match=r"pack/deep.py, line 1: invalid syntax"):
        check(model, tiny)


def test_two_folders_with_the_same_names_are_not_mixed(tmp_path):
    built = {}
    for width in (3, 5):
        folder = tmp_path / str(width)
        folder.mkdir()
        (folder / "parts.py").write_text(f"WIDTH = {width}\n")
        body = "from parts import WIDTH\ndef Net(s, o): return nn.Linear(WIDTH, o)"
        built[width] = write(folder, body)
    for width in (3, 5, 3):
        assert models.build(built[width], (1,), 2).in_features == width


@pytest.mark.parametrize("name", ["random", "torch", "numpy"])
def test_a_file_beside_it_that_hides_another_module(tmp_path, tiny, name):
    (tmp_path / f"{name}.py").write_text("x = 1\n")
    model = write(tmp_path, f"import {name}\n" + PLAIN)
    with pytest.raises(InputError, match=rf"{name}.py hides the (module|package) '{name}'"):
        check(model, tiny)
    assert sys.modules[name].__file__ != str(tmp_path / f"{name}.py")


def test_a_file_that_changed_is_refused(tmp_path):
    given = parse_given(write(tmp_path, PLAIN))
    files = digest_given(given)
    build_given(given, (4,), 2, {}, files)
    write(tmp_path, PLAIN + "\n# a comment")
    with pytest.raises(InputError, match=r"nets\.py: not as it was when the run began"):
        build_given(given, (4,), 2, {}, files)
    given.path.unlink()
    with pytest.raises(InputError, match=r"nets\.py: cannot be read"):
        build_given(given, (4,), 2, {}, files)


def test_the_examples_of_the_documentation(tmp_path, tiny):
    """docs/own-models.md: its network, under its recipe."""
    text = (clone() / "docs" / "own-models.md").read_text()
    for name, kind in (("nets.py", "python"), ("my.toml", "toml")):
        (tmp_path / name).write_text(text.split(f"```{kind}\n")[1].split("```")[0])
    recipe = recipes.choose("simulated", entries=[str(tmp_path / "my.toml")], kind="images")
    assert recipe.settings == {"width": 64}
    traits = training.check(recipe, tiny)
    assert [note.partition(":")[0] for note in traits.notes] == [
        "batch statistics",
        "dropout, or other chance in training",
    ]
