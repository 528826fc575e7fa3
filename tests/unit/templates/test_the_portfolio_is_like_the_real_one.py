"""The insurance template's made-up policies: the same bytes each time, like the real file, and drifting when told."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2_contingency

import mlagent

SCRIPT = Path(mlagent.__file__).parent / "templates" / "insurance-risk" / "make_data.py"
REAL = ["Exposure", "VehValue", "VehAge", "VehBody", "Gender", "DrivAge", "ClaimOcc", "ClaimNb", "ClaimAmount"]
KEYS = ["policy_id", "month", "region"]
REAL_FILE = Path(os.environ.get("MLAGENT_TEST_DATA", "no folder")) / "ausprivauto0405.parquet"
SHARES = {
    "VehAge": {"youngest cars": 0.181, "young cars": 0.244, "old cars": 0.296, "oldest cars": 0.279},
    "VehBody": {
        "Bus": 0.001,
        "Convertible": 0.001,
        "Coupe": 0.011,
        "Hardtop": 0.023,
        "Hatchback": 0.279,
        "Minibus": 0.011,
        "Motorized caravan": 0.002,
        "Panel van": 0.011,
        "Roadster": 0.000,
        "Sedan": 0.328,
        "Station wagon": 0.240,
        "Truck": 0.026,
        "Utility": 0.068,
    },
    "Gender": {"Female": 0.569, "Male": 0.431},
    "DrivAge": {
        "youngest people": 0.085,
        "young people": 0.190,
        "working people": 0.232,
        "older work. people": 0.239,
        "old people": 0.158,
        "oldest people": 0.096,
    },
}


@dataclass(frozen=True)
class Facts:
    """What a portfolio is compared by."""

    shares: dict[str, dict[str, float]]
    claim_share: float
    median_value: float
    median_amount: float


def facts(frame: pl.DataFrame) -> Facts:
    words = frame.with_columns(pl.col(*SHARES).cast(pl.String))
    shares = {name: dict(words[name].value_counts(normalize=True).iter_rows()) for name in SHARES}
    claims = frame.filter(pl.col("ClaimOcc") == 1)
    value, amount = (float(np.median(numbers)) for numbers in (frame["VehValue"], claims["ClaimAmount"]))
    return Facts(shares, claims.height / frame.height, value, amount)


def expected(source: str) -> Facts:
    """Return the real file's facts, from the file itself where there is one, as it is no part of the project."""
    return facts(pl.read_parquet(REAL_FILE)) if source == "file" else Facts(SHARES, 0.068, 1.50, 762.0)


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *args], cwd=folder, capture_output=True, text=True, check=False)


def made(folder: Path, *args: str) -> bytes:
    """Return the bytes that the script writes for these arguments."""
    ended = run(folder, "--out", "made.csv", *args)
    assert ended.returncode == 0, ended.stderr
    return (folder / "made.csv").read_bytes()


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("portfolio")
    ended = run(folder)
    assert ended.stdout == "wrote 68000 policies to data/policies.csv\n", ended.stderr
    return pl.read_csv(folder / "data" / "policies.csv", try_parse_dates=True)


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return pl.read_csv(made(tmp_path_factory.mktemp("drifting"), "--drift", "1"), try_parse_dates=True)


def ends(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    months = [frame.filter(pl.col("month") == month) for month in (frame["month"].min(), frame["month"].max())]
    return months[0], months[1]


def chance(frame: pl.DataFrame, column: str) -> float:
    """Return the p-value of the first and the last month having the same mix, of words seen twenty times or more."""
    first, last = ends(frame)
    both = (
        pl.concat([first, last])
        .group_by(column)
        .agg(first=pl.col("month").eq(first["month"][0]).sum(), last=pl.col("month").eq(last["month"][0]).sum())
    )
    counts = both.filter(pl.col("first") + pl.col("last") >= 20).select("first", "last")
    return float(chi2_contingency(counts.to_numpy()).pvalue)


def test_equal_arguments_give_equal_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    small = ("--policies", "500", "--drift", "0.5")
    once = made(tmp_path, *small)
    assert made(tmp_path, *small) == once
    assert made(tmp_path, *small, "--seed", "2") != once


def test_the_columns_and_types_are_those_of_the_real_file(portfolio: pl.DataFrame) -> None:
    assert portfolio.columns == [*REAL, *KEYS]
    texts, floats, whole = [pl.String] * 4, [pl.Float64] * 2, [pl.Int64] * 2
    assert portfolio.dtypes == [*floats, *texts, *whole, pl.Float64, pl.String, pl.Date, pl.String]
    assert portfolio.null_count().sum_horizontal().item() == 0


def test_the_words_are_those_of_the_real_file(portfolio: pl.DataFrame) -> None:
    for name, shares in SHARES.items():
        assert set(portfolio[name]) == set(shares), name
    assert set(portfolio["region"]) == {"Metro", "Suburbs", "Coast", "Country"}


def test_without_keys_the_nine_columns_stay_as_they_are(tmp_path: Path) -> None:
    small = ("--policies", "500")
    with_keys = pl.read_csv(made(tmp_path, *small))
    without = pl.read_csv(made(tmp_path, *small, "--no-keys"))
    assert without.columns == REAL
    assert without.equals(with_keys.select(REAL))


def test_a_claim_is_the_same_in_all_three_columns(portfolio: pl.DataFrame) -> None:
    occurred = portfolio["ClaimOcc"] == 1
    assert set(portfolio["ClaimOcc"]) == {0, 1}
    assert (occurred == (portfolio["ClaimNb"] > 0)).all()
    assert (occurred == (portfolio["ClaimAmount"] > 0)).all()


def test_numbers_stay_within_their_bounds(portfolio: pl.DataFrame) -> None:
    assert portfolio["Exposure"].is_between(0.002, 1).all()
    assert portfolio["VehValue"].is_between(0.01, 35).all()
    assert portfolio["ClaimNb"].is_between(0, 4).all()
    assert portfolio["ClaimAmount"].is_between(0, 56_000).all()


def test_policies_have_their_own_ids_and_one_of_the_months_asked_for(tmp_path: Path) -> None:
    frame = pl.read_csv(
        made(tmp_path, "--policies", "700", "--months", "3", "--start", "2024-12"), try_parse_dates=True
    )
    assert frame["policy_id"].n_unique() == 700
    assert frame["policy_id"].str.contains("^P[0-9]{8}$").all()
    assert frame["month"].unique().sort().to_list() == [date(2024, 12, 1), date(2025, 1, 1), date(2025, 2, 1)]


@pytest.mark.parametrize("source", ["memory", *(["file"] if REAL_FILE.is_file() else [])])
def test_it_is_like_the_real_file(portfolio: pl.DataFrame, source: str) -> None:
    real, ours = expected(source), facts(portfolio)
    for name, shares in real.shares.items():
        assert ours.shares[name] == pytest.approx(shares, abs=0.03), name
    assert 0.06 < ours.claim_share < 0.08
    assert ours.claim_share == pytest.approx(real.claim_share, abs=0.005)
    assert ours.median_value == pytest.approx(real.median_value, rel=0.05)
    assert ours.median_amount == pytest.approx(real.median_amount, rel=0.10)


def test_the_young_claim_more_and_old_cars_are_worth_less(portfolio: pl.DataFrame) -> None:
    claims, exposure, value = pl.col("ClaimNb"), pl.col("Exposure"), pl.col("VehValue")
    by_driver = portfolio.group_by("DrivAge").agg((claims.sum() / exposure.sum()).alias("rate")).sort("rate")["DrivAge"]
    assert by_driver.to_list()[-1] == "youngest people"
    by_age = portfolio.group_by("VehAge").agg(value.median()).sort("VehValue")["VehAge"]
    assert by_age.to_list() == ["oldest cars", "old cars", "young cars", "youngest cars"]


@pytest.mark.parametrize("column", ["VehAge", "VehBody", "Gender", "DrivAge", "region", "ClaimOcc"])
def test_without_drift_the_last_month_is_like_the_first(portfolio: pl.DataFrame, column: str) -> None:
    assert chance(portfolio, column) > 0.001


@pytest.mark.parametrize("column", ["VehBody", "DrivAge", "ClaimOcc"])
def test_with_drift_the_last_month_differs_from_the_first(drifting: pl.DataFrame, column: str) -> None:
    assert chance(drifting, column) < 1e-6


def test_with_drift_vehicles_grow_dearer_and_claims_more_frequent(drifting: pl.DataFrame) -> None:
    first, last = (facts(month) for month in ends(drifting))
    assert last.median_value > 1.2 * first.median_value
    assert last.claim_share > 1.2 * first.claim_share


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--policies", "0"),
        ("--policies", "many"),
        ("--months", "-1"),
        ("--start", "2025-13"),
        ("--seed", "1.5"),
        ("--drift", "nan"),
        ("--drift", "2"),
        ("--out", "."),
    ],
)
def test_a_bad_argument_is_named(tmp_path: Path, name: str, value: str) -> None:
    ended = run(tmp_path, "--policies", "10", name, value)
    assert ended.returncode == 2
    assert f"argument {name}:" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_survives_a_run_that_fails_while_it_writes(tmp_path: Path) -> None:
    before = made(tmp_path, "--policies", "10")
    limited = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
    limited += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", limited, str(SCRIPT), "--policies", "2000", "--out", "made.csv"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "argument --out:" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["made.csv"]
    assert (tmp_path / "made.csv").read_bytes() == before
