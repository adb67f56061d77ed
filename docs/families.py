"""Print the table of model families in docs/own-estimators.md, as markdown.

    python -m docs.families diabetic_data.csv.gz

The file is the table of Diabetes 130-US hospitals (UCI data set 296, CC BY 4.0). Without a file the
data are scikit-learn's breast cancer (569 patients), to try it.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import rollcall

FAMILIES = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "MLP, 64 units": MLPClassifier((64,), max_iter=50),
    "15 nearest neighbours": KNeighborsClassifier(15),
    "gradient boosting (hist)": HistGradientBoostingClassifier(),
    "decision tree": DecisionTreeClassifier(),
    "forest, leaf 20": RandomForestClassifier(min_samples_leaf=20),
    "forest, leaf 5": RandomForestClassifier(min_samples_leaf=5),
    "forest, full depth": RandomForestClassifier(),
}


def read_diabetes(path: str, patients: int) -> tuple[np.ndarray, pd.Series, pd.Series]:
    """Return inputs, readmission within 30 days and patient of each stay of a few patients."""
    table = pd.read_csv(path, na_values=["?"], keep_default_na=False, dtype=str)
    known = np.random.default_rng(0).permutation(table["patient_nbr"].unique())[:patients]
    table = table[table["patient_nbr"].isin(known)]
    inputs = table.drop(columns=["encounter_id", "patient_nbr", "readmitted"])
    counts = [name for name in inputs if name.startswith(("num", "time"))]
    inputs = inputs.fillna("missing").astype(dict.fromkeys(counts, float))
    encode = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(min_frequency=50, handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    encoded = encode.fit_transform(inputs).astype(np.float32)
    return encoded, table["readmitted"] == "<30", table["patient_nbr"]


def read_breast_cancer() -> tuple[np.ndarray, np.ndarray, None]:
    """Return inputs and diagnosis of scikit-learn's table, a row a patient."""
    inputs, labels = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(inputs), labels, None


def describe(name: str, audited) -> str:
    """Return a row of the table."""
    performance, risk = audited.performance, audited.study.attacked.risk.cohort
    lira = audited.attacks.set_index(["attack", "variant"]).loc[("LiRA", "online"), "auc"]
    exposed, low, high = (risk[f"exposed{end}"] for end in ("", "_low", "_high"))
    cells = (
        name,
        f"{performance['auroc_non_members'].mean():.3f}",
        f"{performance['auroc_members'].mean():.3f}",
        f"{lira:.3f}",
        f"{exposed:,.0f} ({low:,.0f} to {high:,.0f})",
        f"{exposed / len(audited.patients):.1%}",
        f"{performance['cpu_seconds'].sum():.0f} s",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Audit every family and print its row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--patients", type=int, default=3000)
    parser.add_argument("--models", type=int, default=32)
    options = parser.parse_args()
    given = read_diabetes(options.file, options.patients) if options.file else read_breast_cancer()
    inputs, labels, groups = given
    print(f"{inputs.shape[0]:,} records, {inputs.shape[1]} inputs, {options.models} models\n")
    print("| model | AUROC not seen | seen | LiRA | exposed (95%) | share | CPU, all fits |")
    print("|---|---|---|---|---|---|---|")
    for name, estimator in FAMILIES.items():
        audited = rollcall.audit(estimator, inputs, labels, groups=groups, models=options.models)
        print(describe(name, audited), flush=True)


if __name__ == "__main__":
    main()
