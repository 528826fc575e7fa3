"""PSI and Jensen-Shannon distance are Evidently's on the same rows; it runs in an environment of its own."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlagent.measure.distance import jensen_shannon, psi

ASKED = """
import json, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
before, now = (
    Dataset.from_pandas(pd.read_csv(path), DataDefinition(numerical_columns=["size"], categorical_columns=["kind"]))
    for path in sys.argv[1:]
)
asked = [(name, method) for name in ("size", "kind") for method in ("psi", "jensenshannon")]
found = Report([ValueDrift(column=name, method=method) for name, method in asked]).run(now, before).dict()["metrics"]
print(json.dumps({f"{name} {method}": one["value"] for (name, method), one in zip(asked, found)}))
"""


@pytest.fixture
def both(tmp_path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows before and now: shifted, spread, with a category that vanishes."""
    random = np.random.default_rng(1)
    before = pl.DataFrame(
        {"size": random.normal(0, 1, 3000), "kind": [f"k{one}" for one in random.choice(6, 3000)]},
    )
    now = pl.DataFrame(
        {
            "size": random.normal(0.3, 1.2, 2000),
            "kind": [f"k{one}" for one in random.choice(5, 2000, p=[0.1, 0.2, 0.3, 0.2, 0.2])],
        }
    )
    before.write_csv(tmp_path / "before.csv")
    now.write_csv(tmp_path / "now.csv")
    return before, now


def test_they_are_evidentlys(both: tuple[pl.DataFrame, pl.DataFrame], tmp_path: Path) -> None:
    python = os.environ["MLAGENT_TEST_EVIDENTLY"]  # `make e2e` sets it
    command = [python, "-c", ASKED, str(tmp_path / "before.csv"), str(tmp_path / "now.csv")]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    sizes = [frame.get_column("size").to_numpy() for frame in both]
    edges = np.histogram_bin_edges(np.concatenate(sizes), bins="sturges")  # as Evidently divides them
    kinds = sorted({*both[0].get_column("kind"), *both[1].get_column("kind")})
    counts = {
        "size": [np.histogram(values, edges)[0] for values in sizes],
        "kind": [np.array([(frame.get_column("kind") == kind).sum() for kind in kinds]) for frame in both],
    }
    for name, (before, now) in counts.items():
        assert psi(before, now) == pytest.approx(theirs[f"{name} psi"], rel=1e-9)
        nats = jensen_shannon(before, now) * np.sqrt(np.log(2))  # theirs has the natural logarithm
        assert nats == pytest.approx(theirs[f"{name} jensenshannon"], rel=1e-9)
    assert (counts["kind"][1] == 0).any()
