"""Runs beside the published values: finding them, their tables, the figures, and the notebook, on small made-up runs."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall import attacks, recipes
from rollcall.paper import panel
from rollcall.paper import published
from rollcall.report import figures_published, gallery
from rollcall.report import figures_published as figures_paper
from rollcall.report import notebooks as runner
from rollcall import risk
from rollcall.risk import disparity
from rollcall.runs import environment
from rollcall.stats import members, moments
from rollcall.util import files
from rollcall.util.errors import InputError
from rollcall.util.files import write_json, write_table
from tests.oracles.risk import FIXED
from tests.paper.test_published import rows_of
from tests.report import notebook_books as notebooks

NOTEBOOK = files.notebooks() / "7_paper.ipynb"
SPLITS = {"sex": ["Male", "Female"], "age": ["18-39", "40-59", "60-79"]}


def make_run(
    out,
    cohort,
    name="wide",
    targets=16,
    patients=300,
    splits=SPLITS,
    findings=(),
    leak=0.8,
    seed=0,
    tables=gallery.TABLES,
    **config,
):
    """A finished run of simulated scores: one to three records a patient, the first group of each attribute leaks more. Ids begin with "secret"."""
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    had = members.draw_members(targets, patients, seed)
    codes = {
        attribute: rng.choice(
            len(values), patients, p=np.arange(len(values), 0, -1) / sum(range(len(values) + 1))
        )
        for attribute, values in splits.items()
    }
    attributes = pd.DataFrame(
        {
            attribute: pd.Categorical.from_codes(codes[attribute], values)
            for attribute, values in splits.items()
        }
    )
    for finding in findings:
        attributes[f"finding: {finding}"] = rng.random(patients) < 0.3
    strength = (
        leak * (1 + sum((code == 0) for code in codes.values())) * rng.exponential(1, patients)
    )
    scores = (rng.normal(size=(targets, len(index))) + (had * strength)[:, index]).astype(
        np.float32
    )
    path = out / cohort / name
    path.mkdir(parents=True)
    made = (
        environment.describe()
        | {
            "cohort": cohort,
            "fingerprint": "0" * 64,
            "records": len(index),
            "patients": patients,
            "targets": targets,
            "seed": seed,
            "scores": "exact",
            "recipe": recipes.choose("simulated").asdict(),
            "unit": "patient",
            "simulated": False,
            "finished": "2026-01-01T00:00:00Z",
        }
        | config
    )
    write_json(path / "run.json", made)
    assessed = risk.assess_risk(
        scores,
        had,
        index,
        np.array([f"secret{number}" for number in range(patients)]),
        seed,
        draws=3000,
    )
    found = attacks.run_all(scores, had, index)
    table, curves = found.attacks, found.roc
    per_record = moments.compute_moments(scores, had, index)
    auc = panel.compute_record_auc(per_record)
    own = pd.Series(auc).groupby(index)
    by_patient = pd.DataFrame(
        {
            "patient_id": assessed.patients["patient_id"],
            "auc_max": own.max(),
            "auc_mean": own.mean(),
        }
    )
    top = auc >= np.quantile(auc, 0.99)
    ends = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
    errors = [
        {
            "models": 2 * count,
            "kind": kind,
            **{
                name: np.quantile(panel.compute_standard_error(auc[chosen], count, count), end)
                for name, end in ends.items()
            },
        }
        for count in (10, 25, 50, 100)
        for kind, chosen in (("all", np.ones(len(auc), bool)), ("top", top))
    ]
    known = {
        "attacks": table,
        "roc": curves,
        "patients": assessed.patients,
        "floor": assessed.floors,
        "paper_patients": by_patient,
        "disparity": disparity.compare_groups(assessed.patients, attributes),
        "paper_attacks": table[table["variant"] == "online"].drop(columns="variant"),
        "paper_roc": curves[curves["variant"] == "online"].drop(columns="variant"),
        "paper_errors": pd.DataFrame(errors),
        "paper_panel": panel.compute_panel(auc, attributes.iloc[index].reset_index(drop=True)),
    }
    for name in tables:
        write_table(path / f"{name}.parquet", known[name])
    return path


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """ptb_xl, whole; chexpert, a rehearsal without the paper's errors and panel; one that is not finished."""
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, "ptb_xl")
    make_run(
        folder,
        "chexpert",
        "small one",
        seed=1,
        simulated=True,
        splits={"race": ["White", "Asian", "Black"], "sex": ["Male", "Female"]},
        tables=[name for name in gallery.TABLES if name not in ("paper_errors", "paper_panel")],
    )
    make_run(folder, "simulated", "half", finished=None, tables=["attacks"])
    return folder


# -- finding runs and collecting their tables


def test_finished_runs_are_found_without_patient_ids(out):
    found = gallery.collect(str(out))
    assert [entry.name for entry in found.entries] == ["chexpert/small one", "ptb_xl/wide"]
    assert found.unfinished == 1
    assert found.folder == out
    assert [entry.label for entry in found.entries] == ["chexpert (simulated)", "ptb_xl"]
    assert [entry.simulated for entry in found.entries] == [True, False]
    assert found.entries[0].missing == ["paper_panel", "paper_errors"]
    assert found.entries[1].missing == []
    assert [entry.name for entry in found.having("paper_panel", "roc")] == ["ptb_xl/wide"]
    for entry in found.entries:
        for table in entry.tables.values():
            assert "patient_id" not in table
            assert not any(
                table[column].astype(str).str.contains("secret").any() for column in table
            )
        assert all(list(table) == gallery.TABLES[name] for name, table in entry.tables.items())
        whole = pd.read_parquet(entry.run.file("disparity.parquet"))
        assert whole["intersection"].any()
        assert len(entry.tables["disparity"]) == (~whole["intersection"]).sum()
    said = gallery.notes(found)
    assert said[0].startswith("chexpert/small one: Simulated data")
    assert said[-1] == "Runs not finished, and not shown: 1."
    assert said[1] == (
        "chexpert/small one: left out below where paper_panel, paper_errors would be needed; made by `rollcall rehearse --cohort chexpert "
        f"--model {found.entries[0].run.recipe.model} --run 'small one' --targets 16 --seed 1` with the other options of its first time."
    )


def test_which_runs_can_be_chosen(out):
    assert [entry.name for entry in gallery.collect(str(out), ["ptb_xl/wide"]).entries] == [
        "ptb_xl/wide"
    ]
    for runs, message in (
        (["ptb_xl/wid"], "did you mean 'ptb_xl/wide'"),
        (
            ["simulated/half"],
            "is not finished; train the rest of its targets: `rollcall audit --cohort simulated",
        ),
    ):
        with pytest.raises(InputError, match=message) as caught:
            gallery.collect(str(out), runs)
        assert "\n" not in str(caught.value)


def test_no_finished_run_is_one_clear_line(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(
            InputError,
            match="no finished run; expected one at least, in <cohort>/<run>/: run `make audit` first",
        ):
            gallery.collect(str(folder))
        with pytest.raises(InputError, match="no finished run"):
            gallery.collect(str(folder), ["ptb_xl/wide"])
    make_run(tmp_path, "ptb_xl", finished=None, tables=[])
    with pytest.raises(InputError, match=r"no finished run \(1 not finished\)"):
        gallery.collect(str(tmp_path))


def test_tables_that_are_not_what_they_should_be(tmp_path):
    path = make_run(tmp_path, "ptb_xl", tables=["paper_errors"])
    write_table(path / "paper_errors.parquet", pd.DataFrame({"models": [20]}))
    with pytest.raises(InputError, match="paper_errors.parquet: no column 'kind'"):
        gallery.collect(str(tmp_path))
    (path / "paper_errors.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(InputError, match="paper_errors.parquet: not readable"):
        gallery.collect(str(tmp_path))


def test_two_runs_of_a_data_set_and_other_units_have_labels_of_their_own(tmp_path):
    make_run(tmp_path, "fitzpatrick17k", "a", unit="image", tables=[])
    make_run(tmp_path, "fitzpatrick17k", "b", unit="image", tables=[])
    path = make_run(tmp_path, "mine", "x", tables=["attacks"], finished=None)
    write_json(path / "run.json", json.loads((path / "run.json").read_text()) | {"cohort": "own"})
    found = gallery.collect(str(tmp_path))
    assert [entry.label for entry in found.entries] == [
        "fitzpatrick17k/a (images)",
        "fitzpatrick17k/b (images)",
        "own",
    ]
    assert gallery.command(found.entries[2].run).startswith("`rollcall attack --out ")
    assert sum("a patient is one image" in sentence for sentence in gallery.notes(found)) == 2


# -- what is computed from the tables


def test_aggregate_table(out):
    table = gallery.aggregate_table(gallery.collect(str(out)))
    path = out / "ptb_xl" / "wide"
    row = table.iloc[1]
    values = [
        each["auc"]
        for each in pd.read_parquet(path / "attacks.parquet").to_dict("records")
        if (each["attack"], each["variant"]) == ("LiRA", "online")
    ]
    largest = sorted(pd.read_parquet(path / "paper_patients.parquet")["auc_max"])
    assert len(values) == 16
    assert math.isclose(row["LiRA AUC"], sum(values) / 16)
    assert math.isclose(row["paper's scores"], sum(values) / 16)
    assert math.isclose(row["median patient AUC, paper's"], (largest[149] + largest[150]) / 2)
    assert row["largest"] == largest[-1]
    assert (
        row["published"],
        row["patients, published"],
        row["published median"],
        row["published largest"],
    ) == (0.677, "16,965", 0.623, 1.0)
    lone = gallery.aggregate_table(gallery.collect(str(out), ["chexpert/small one"]))
    assert lone["published"].tolist() == [0.518]


def test_groups_of_a_run_stand_beside_the_panel_and_the_published_shares(out):
    entry = gallery.collect(str(out)).entries[1]
    table = gallery.groups(entry)
    panel = {
        (row["attribute"], row["group"]): row
        for row in pd.read_parquet(out / "ptb_xl" / "wide" / "paper_panel.parquet").to_dict(
            "records"
        )
    }
    assert len(table) == len(panel) == 5
    for row in table.to_dict("records"):
        assert row["residual"] == panel[row["attribute"], row["group"]]["residual"]
        assert row["stars"] == panel[row["attribute"], row["group"]]["stars"]
    told = {row["group"]: row for row in rows_of("subgroups") if row["dataset"] == "ptb_xl"}
    for row in table[table["attribute"] == "sex"].to_dict("records"):
        assert (row["train_share"], row["tail_share"]) == (
            float(told[row["group"]]["train_share"]),
            float(told[row["group"]]["tail_share"]),
        )
    assert table.loc[table["attribute"] == "age", "train_share"].isna().all()
    assert gallery.groups(gallery.collect(str(out)).entries[0])["residual"].isna().all()


def test_no_group_under_ten_patients_is_shown(tmp_path):
    path = make_run(tmp_path, "ptb_xl", tables=["disparity", "paper_panel"])
    table, panel = (
        pd.read_parquet(path / "disparity.parquet"),
        pd.read_parquet(path / "paper_panel.parquet"),
    )
    table.loc[table.index[0], "patients"] = 9
    write_table(path / "disparity.parquet", table)
    write_table(
        path / "paper_panel.parquet",
        pd.concat(
            [panel, panel.iloc[:1].assign(group="one patient, many records")], ignore_index=True
        ),
    )
    found = gallery.collect(str(tmp_path))
    shown = gallery.groups(found.entries[0])
    assert len(shown) == 4
    assert table["group"][0] not in set(shown["group"])
    assert "one patient, many records" not in set(shown["group"])
    points = gallery.points(found)
    assert "one patient, many records" not in set(points["group"])
    assert len(points[points["source"] == "paper"]) == 4


def test_points_of_the_scatter(out):
    found = gallery.collect(str(out))
    points = gallery.points(found)
    sources = points.groupby("source").size().to_dict()
    ours = [
        pd.read_parquet(path).query("~intersection")
        for path in sorted(out.glob("*/*/disparity.parquet"))
    ]
    assert sources == {
        "published": len(published.subgroups()),
        "paper": 5,
        "ours": sum(len(table) for table in ours),
    }
    for table, dataset in zip(ours, ("chexpert", "ptb_xl")):
        part = points[(points["source"] == "ours") & (points["dataset"] == dataset)]
        for ratio, share, value, percent in zip(
            table["risk_ratio"], table["share"], part["value"], part["share"]
        ):
            assert percent == pytest.approx(100 * share)
            assert value == (
                -math.inf
                if ratio == 0
                else math.inf
                if ratio == math.inf
                else pytest.approx(math.log(ratio))
            )
    assert [
        gallery.kind(name)
        for name in ("Sex", "skin type", "race (healthy)", "view", "image type", "age", "density")
    ] == [
        "sex",
        "race, skin type",
        "race, skin type",
        "imaging protocol",
        "imaging protocol",
        "age",
        "diagnosis and others",
    ]


@FIXED
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([-math.inf, math.inf, *range(-4, 5)])),
        max_size=12,
    )
)
def test_correlations(pairs):
    def pearson(a, b):
        ma, mb = sum(a) / len(a), sum(b) / len(b)
        return sum((x - ma) * (y - mb) for x, y in zip(a, b)) / math.sqrt(
            sum((x - ma) ** 2 for x in a) * sum((y - mb) ** 2 for y in b)
        )

    def ranks(values):
        return [
            sum(other < value for other in values)
            + (sum(other == value for other in values) + 1) / 2
            for value in values
        ]

    def expected(a, b):
        return pearson(a, b) if len(a) > 2 and len(set(a)) > 1 and len(set(b)) > 1 else math.nan

    share, value = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    finite = [pair for pair in pairs if math.isfinite(pair[1])]
    rho, r = gallery.correlation(share, value)
    assert rho == pytest.approx(expected(ranks(share), ranks(value)), nan_ok=True, abs=1e-9)
    assert r == pytest.approx(
        expected([pair[0] for pair in finite], [pair[1] for pair in finite]), nan_ok=True, abs=1e-9
    )


@FIXED
@given(
    st.lists(
        st.sampled_from([0.5, 0.55, 0.6, 0.75, 0.9, 1.0]) | st.floats(0.4, 1),
        min_size=1,
        max_size=60,
    ),
    st.integers(2, 80),
)
def test_survival_curve(values, points):
    x, share = figures_paper.curve(values, points)
    assert len(x) <= points
    assert x[0] == max(values)
    assert x[-1] == min(values)
    assert share[-1] == 1
    assert all(earlier >= later for earlier, later in zip(x, x[1:]))
    for at, found in zip(x, share):
        assert found == sum(value >= at for value in values) / len(values)


# -- the figures and the notebook


def test_figures_draw_what_they_say(out):
    found = gallery.collect(str(out))
    roc = figures_paper.roc(found)
    assert [ax.get_title() for ax in roc.axes] == ["Our scores"] * 2 + ["The paper's scores"] * 2
    curve = pd.read_parquet(out / "ptb_xl" / "wide" / "roc.parquet").query(
        "attack == 'LiRA' and variant == 'online'"
    )
    assert any(
        len(line.get_xdata()) == len(curve) and np.array_equal(line.get_ydata(), curve["tpr"])
        for line in roc.axes[0].lines
    )
    survival = figures_paper.survival(found)
    dotted = [
        line
        for line in survival.axes[0].lines
        if line.get_linestyle() == ":" and len(line.get_xdata())
    ]
    told = [
        [
            float(row["patients"])
            for row in rows_of("survival")
            if row["dataset"] == dataset and float(row["patients"]) > 0
        ]
        for dataset in ("chexpert", "ptb_xl")
    ]
    assert len(dotted) == 2
    assert all(
        np.allclose(line.get_ydata(), np.array(counts) / counts[0])
        for line, counts in zip(dotted, told)
    )
    assert (
        sum(
            line.get_linestyle() == "--" and len(line.get_xdata()) > 0
            for line in survival.axes[1].lines
        )
        == 2
    )
    errors = figures_paper.errors(found)
    table = pd.read_parquet(out / "ptb_xl" / "wide" / "paper_errors.parquet")
    heights = {
        round(float(line.get_ydata()[0]), 6)
        for line in errors.axes[0].lines
        if len(line.get_ydata())
    }
    assert {round(value, 6) for value in table["median"]} <= heights
    assert 0.05 in heights
    assert [text.get_text() for text in errors.axes[0].get_xticklabels()] == [
        "20",
        "50",
        "100",
        "200",
    ]
    groups = figures_paper.subgroups(found.entries[1])
    shown = [text.get_text() for text in groups.axes[0].get_yticklabels()]
    assert shown[0] == "SEX"
    assert len(shown) == 7
    assert sum(text.get_text().startswith("$\\chi^2$") for text in groups.axes[2].texts) == 2
    assert [
        text.get_text() for text in figures_paper.subgroups(found.entries[0]).axes[2].texts
    ] == []
    size = figures_paper.size(found)
    both = gallery.correlation(
        *(published.subgroups()[name] for name in ("train_share", "residual"))
    )
    rho, r = (f"{value:.2f}".replace("-", "\N{MINUS SIGN}") for value in both)
    assert (
        f"$\\rho$ {rho}, $r$ {r}, {len(published.subgroups())} groups"
        in size.axes[0].texts[0].get_text()
    )


def test_figures_without_tables_say_so(tmp_path):
    make_run(tmp_path, "ptb_xl", tables=[])
    found = gallery.collect(str(tmp_path))
    for draw, alt in (
        (figures_paper.roc, figures_published.alt_roc),
        (figures_paper.survival, figures_published.alt_survival),
        (figures_paper.errors, figures_published.alt_errors),
    ):
        assert draw(found) is None
        assert "no run has it" in alt(found)
        assert (
            "Nothing to draw"
            in figures_paper.show(draw(found), found, "x", alt(found), "A caption").data
        )
    assert figures_paper.subgroups(found.entries[0]) is None
    assert figures_published.alt_subgroups(found.entries[0]) == "No groups."
    assert figures_paper.size(found).axes[2].texts[0].get_text() == "no run has the table"
    assert gallery.aggregate_table(found)["published"].tolist() == [0.677]
    assert not (tmp_path / "figures_paper").exists()


def test_the_notebook(out, tmp_path):
    runner.execute(NOTEBOOK, tmp_path / "7.ipynb", {"out": str(out)}, NOTEBOOK.parent)
    written = {path.name for path in (out / "figures_paper").iterdir()}
    names = (
        "roc",
        "survival",
        "group_size",
        "standard_error",
        "subgroups_ptb_xl_wide",
        "subgroups_chexpert_small one",
    )
    assert written == {f"{name}.{suffix}" for name in names for suffix in ("pdf", "png")}
    text = (tmp_path / "7.ipynb").read_text()
    assert "secret" not in text
    assert text.count("<figcaption>") == 6
    assert "0.677" in text
    assert "Simulated data" in text


def test_the_notebook_is_clean():
    notebooks.clean_cells(NOTEBOOK)
    notebooks.assert_stripped(NOTEBOOK)
    import papermill

    assert (
        set(papermill.inspect_notebook(str(NOTEBOOK)))
        == set(runner.declared(NOTEBOOK))
        == {"out", "runs"}
    )
