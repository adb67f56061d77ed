"""The table of all figures: `rollcall figure` goes by it, docs/figures.md is written from it."""

from __future__ import annotations

from dataclasses import dataclass

OF_RUN, OF_RUNS = "one run", "all finished runs"
COMPOSED, OF_EXPERIMENT = "the paper's figures, composed", "an experiment"
FIGURES, FURTHER = "rollcall.report.figures", "rollcall.report.figures.further"
GALLERY, EXPERIMENTS = "rollcall.report.gallery", "rollcall.report.figures.experiments"
NONE = "none"


@dataclass(frozen=True)
class Entry:
    """A figure: its name, what it is of, notebook, function, inputs, and the paper's counterpart.

    function: module:name. inputs: stored tables of a run, or of an experiment. paper: the figure of
    the paper that it answers to, or "none". records: whether it shows single records, for which the
    prepared cohort must be there, and open.
    """

    name: str
    kind: str
    shows: str
    notebook: str
    function: str
    inputs: tuple[str, ...]
    paper: str = NONE
    records: bool = False

    @property
    def command(self) -> str:
        return f"rollcall figure {self.name}"


ATTACK, PAPER = ("records", "patients", "floor", "survival", "risk"), "paper_patients"
AGGREGATE = "aggregate ROC of each data set, LiRA and RMIA, linear and log, with a band"
_TABLE = (
    Entry(
        *("first_icons", OF_RUN, "the first page: of every 1,000, how many can be picked out"),
        *("2_attack", f"{FIGURES}.first:draw_icons", ("attacks", "pooled", "risk")),
    ),
    Entry(
        *("roc", OF_RUN, "ROC of every attack, log and linear, with a band over models"),
        *("2_attack", f"{FIGURES}.attacks:roc", ("roc", "attacks"), AGGREGATE),
    ),
    Entry(
        *("in_out", OF_RUN, "the scores of two records under models that had them or had not"),
        *("2_attack", f"{FIGURES}.attacks:in_out", ATTACK),
        "one record beside its in and out distributions",
        records=True,
    ),
    Entry(
        *("bundle", OF_RUN, "the ROC curves of all records, one picked"),
        *("2_attack", f"{FURTHER}.bundle_of_records:bundle", ("records",)),
        "the bundle of all records' ROC curves, one picked",
        records=True,
    ),
    Entry(
        *("survival", OF_RUN, "patients at or above each risk, the noise taken out, and the floor"),
        *("2_attack", f"{FIGURES}.risk:survival", ATTACK),
        "patient survival of one data set with 95% limits",
    ),
    Entry(
        *("definitions", OF_RUN, "risks of records and of patients by three definitions"),
        *("2_attack", f"{FURTHER}.by_definition:definitions", ATTACK),
        "record-level survival, patient survival by mean and by maximum, one data set",
    ),
    Entry(
        *("trade_off", OF_RUN, "power against false alarms, beside ceilings of epsilon"),
        *("2_attack", f"{FURTHER}.power:trade_off", ATTACK),
        "trade-off curve, power against alpha",
    ),
    Entry(
        *("named", OF_RUN, "who is named by which statistic, attack and seeds, beside chance"),
        *("2_attack", f"{FURTHER}.overlap:named", (*ATTACK, "statistic")),
    ),
    Entry(
        *("most_exposed", OF_RUN, "pictures of the highest risk beside random ones, open cohorts"),
        *("2_attack", f"{FIGURES}.attacks:images", ATTACK),
        "pictures of the highest records and of random ones, with label and AUC",
        records=True,
    ),
    Entry(
        *("first_rates", OF_RUN, "the first page: the groups that differ most, as rates"),
        *("3_disparity", f"{FIGURES}.first:draw_rates"),
        ("attacks", "pooled", "risk", "shown_groups"),
    ),
    Entry(
        *("forest", OF_RUN, "ratio of exposed shares of each group, with interval"),
        *("3_disparity", f"{FIGURES}.groups:forest", ("shown_groups",)),
        "share against over-representation on log axes, hollow where not significant",
    ),
    Entry(
        *("cutoffs", OF_RUN, "ratio of each group wherever the line is drawn"),
        *("3_disparity", f"{FURTHER}.thresholds:cutoffs", ("shown_groups", "shown_cutoffs")),
        "disparity at every threshold",
    ),
    Entry(
        *("group_survival", OF_RUN, "share of each group at or above each risk, with its floor"),
        *("3_disparity", f"{FURTHER}.by_risk:group_survival"),
        ("shown_groups", "shown_levels"),
        "survival curves by group",
    ),
    Entry(
        *("roc_all", OF_RUNS, "ROC by LiRA and RMIA by our scores, linear and log, with bands"),
        *("7_paper", f"{GALLERY}.curves:roc", ("roc", "attacks")),
        "the same for all data sets, by LiRA; by RMIA",
    ),
    Entry(
        *("roc_paper", OF_RUNS, "the same by the paper's scores, published AUCs beside"),
        *("7_paper", f"{GALLERY}.curves:paper_roc", ("paper_roc", "paper_attacks")),
        "the same for all data sets, by LiRA; by RMIA",
    ),
    Entry(
        *("survival_max", OF_RUNS, "patient survival by the largest record AUC, published beside"),
        *("7_paper", f"{GALLERY}.survival:largest", (PAPER, "floor")),
        "patient survival by maximum, all data sets",
    ),
    Entry(
        *("survival_mean", OF_RUNS, "patient survival by the mean record AUC"),
        *("7_paper", f"{GALLERY}.survival:mean", (PAPER, "floor")),
        "patient survival by mean, all data sets",
    ),
    Entry(
        *("survival_joint", OF_RUNS, "patient survival by one test on all records"),
        *("7_paper", f"{GALLERY}.survival:joint", ("patients", "floor")),
    ),
    Entry(
        *("survival_records", OF_RUNS, "record survival with the curves of 95% limits"),
        *("7_paper", f"{GALLERY}.survival:records", ("paper_records",)),
        "record-level survival with 95% limits, all data sets",
    ),
    Entry(
        *("subgroups", OF_RUNS, "groups of each run: size, ratio, residual; published beside"),
        *("7_paper", f"{GALLERY}.groups:subgroups", ("shown_groups", "shown_panel")),
        "subgroup panels: share, Pearson residual, chi-square",
    ),
    Entry(
        *("residuals", OF_RUNS, "the groups of largest residual, a panel a run"),
        *("7_paper", f"{GALLERY}.groups:residuals", ("shown_groups", "shown_panel")),
        "subgroup panels of all data sets",
    ),
    Entry(
        *("group_size", OF_RUNS, "group size against residual, one panel a data set, with rho"),
        *("7_paper", f"{GALLERY}.sizes:group_size", ("shown_groups", "shown_panel")),
        "group size against residual, one panel a data set",
    ),
    Entry(
        *("standard_error", OF_RUNS, "standard error of a record's AUC by number of models"),
        *("7_paper", f"{GALLERY}.errors:standard_error", ("paper_errors",)),
        "errors by the number of models",
    ),
    Entry(
        *("1", COMPOSED, "the attack on average"),
        *("7_paper", f"{GALLERY}.composed:figure_1", ("paper_roc", "paper_attacks")),
        "Figure 1",
    ),
    Entry(
        *("2", COMPOSED, "the risk of single patients, by maximum and mean; records, open cohorts"),
        *("7_paper", f"{GALLERY}.composed:figure_2", (PAPER, "floor")),
        "Figure 2",
    ),
    Entry(
        *("3", COMPOSED, "groups at risk"),
        *("7_paper", f"{GALLERY}.composed:figure_3", ("shown_groups", "shown_panel")),
        "Figure 3",
    ),
    Entry(
        *("4", COMPOSED, "group size and risk"),
        *("7_paper", f"{GALLERY}.composed:figure_4", ("shown_groups", "shown_panel")),
        "Figure 4",
    ),
    Entry(
        *(
            "capacity",
            OF_EXPERIMENT,
            "risk and skill by the size of the model, with floor; published beside",
        ),
        *("4_capacity", f"{EXPERIMENTS}.scaling:capacity", ("variants", "curves", "floor")),
        "model scaling: survival by size, bars of skill",
    ),
    Entry(
        *("defence_survival", OF_EXPERIMENT, "survival per epsilon with the promised ceilings"),
        *("5_defence", f"{EXPERIMENTS}.defence:defence_survival", ("settings", "curves", "floor")),
        "differential privacy: survival per epsilon with the theoretical ceiling",
    ),
    Entry(
        *("defence_price", OF_EXPERIMENT, "skill against exposed patients of each defence"),
        *("5_defence", f"{EXPERIMENTS}.defence:defence_price", ("settings",)),
        "differential privacy: test metric per epsilon",
    ),
    Entry(
        *("defence_groups", OF_EXPERIMENT, "what each defence costs each group"),
        *("5_defence", f"{EXPERIMENTS}.costs:defence_groups", ("settings", "groups")),
    ),
    Entry(
        *("few_references", OF_EXPERIMENT, "attacks on an open model with few references"),
        *("6_open_models", f"{EXPERIMENTS}.open_models:few_references", ("curves", "areas")),
        "attack on published models",
    ),
    Entry(
        *("open_ranking", OF_EXPERIMENT, "an open model's ranking beside the full audit's"),
        *("6_open_models", f"{EXPERIMENTS}.open_models:open_ranking", ("curves", "table")),
    ),
    Entry(
        *("open_designs", OF_EXPERIMENT, "what outsiders of another hospital do to the result"),
        *("6_open_models", f"{EXPERIMENTS}.open_models:open_designs", ("designs", "controls")),
    ),
    Entry(
        *("budget", OF_EXPERIMENT, "what few targets find"),
        *("8_budget", f"{EXPERIMENTS}.budget:draw_budget", ("rankings", "confirmed")),
    ),
    Entry(
        *("later", OF_EXPERIMENT, "what a memory does to later records"),
        *("9_later", f"{EXPERIMENTS}.later:later_effects", ("effects",)),
    ),
)
REGISTRY = {entry.name: entry for entry in _TABLE}
