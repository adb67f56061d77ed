"""The command line of the benchmarks: which part takes which options."""

import pandas as pd
import pytest

import benchmarks
from benchmarks.__main__ import main


@pytest.mark.parametrize(
    ("words", "part", "options"),
    [
        ([], "training", {}),
        (["training", "--only", "mlp", "--only", "vit"], "training", {"only": ["mlp", "vit"]}),
        (["training", "--rounds", "2"], "training", {"rounds": 2}),
        (["audit", "--targets", "8", "--rounds", "3"], "audit", {"targets": 8, "rounds": 3}),
        (
            ["audit", "--cohort", "ptb_xl", "--root", "r"],
            "audit",
            {"cohort": "ptb_xl", "root": "r"},
        ),
        (["growth"], "growth", {}),
    ],
)
def test_options_reach_their_part(words, part, options, monkeypatch, tmp_path, capsys):
    asked = []

    def table(part, **options):
        asked.append((part, options))
        return pd.DataFrame({"stage": ["risk"]})

    monkeypatch.setattr(benchmarks, "table", table)
    assert main([*words, "--out", str(tmp_path / "table.csv")]) == 0
    assert asked == [(part, options)]
    written = pd.read_csv(tmp_path / "table.csv")
    assert written.shape[0] == 1
    assert {"stage", "version_torch", "cores"} <= {*written}
    assert "risk" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["growth", "--only", "mlp"], ["--targets", "8"]])
def test_an_option_of_another_part_is_refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "is no option of" in capsys.readouterr().err
