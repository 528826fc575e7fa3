"""Write data/policies.csv: a made-up motor portfolio that is like the vehicle policies of de Jong & Heller (2008)."""

import argparse
import csv
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


class Level(NamedTuple):
    """One category: its share, what it adds to log value, log claim frequency, log amount, and log share by drift."""

    share: float
    value: float = 0.0
    claims: float = 0.0
    amount: float = 0.0
    growth: float = 0.0


# "Data set" below: de Jong & Heller 2008, Generalized Linear Models for Insurance Data, Cambridge University Press:
# 67,856 one-year policies, Australia 2004-05 (ausprivauto0405 of the R package CASdatasets). "Fitted": rounded main
# effects of a log-linear model of the data set, against old cars, sedans, women and working people.
# Marginals of the data set; value fitted: cars lose value as they age; claims are driven by value more than by age.
VEHICLE_AGES = {
    "youngest cars": Level(0.181, value=0.56),
    "young cars": Level(0.244, value=0.37, claims=0.07),
    "old cars": Level(0.296),
    "oldest cars": Level(0.279, value=-0.62, amount=0.10),
}
# Marginals of the data set; value and claims fitted, claims shrunk towards 0 where policies are few.
BODIES = {
    "Bus": Level(0.0007, value=0.49, claims=0.35),
    "Convertible": Level(0.0012, value=1.39, claims=-0.13),
    "Coupe": Level(0.0115, value=0.33, claims=0.31),
    "Hardtop": Level(0.0233, value=0.52, claims=0.03),
    "Hatchback": Level(0.2788, value=-0.24, claims=-0.02),
    "Minibus": Level(0.0106, value=0.58, claims=-0.09),
    "Motorized caravan": Level(0.0019, value=0.97, claims=0.21),
    "Panel van": Level(0.0111, value=0.08, claims=0.05),
    "Roadster": Level(0.0004, value=0.78, claims=0.05),
    "Sedan": Level(0.3277),
    "Station wagon": Level(0.2396, value=0.58, claims=-0.05, growth=0.8),
    "Truck": Level(0.0258, value=0.38, claims=-0.07),
    "Utility": Level(0.0676, value=0.33, claims=-0.22),
}
# Marginals of the data set; effects fitted: men claim about as often as women, and somewhat more each time.
GENDERS = {"Female": Level(0.569), "Male": Level(0.431, value=0.05, claims=-0.03, amount=0.17)}
# Marginals of the data set; effects fitted: the young claim more often and more each time, the old less often.
DRIVER_AGES = {
    "youngest people": Level(0.085, claims=0.23, amount=0.32, growth=-0.6),
    "young people": Level(0.190, claims=0.06, amount=0.09, growth=-0.4),
    "working people": Level(0.232),
    "older work. people": Level(0.239, value=-0.02, claims=-0.03),
    "old people": Level(0.158, value=-0.01, claims=-0.25, amount=-0.11, growth=0.5),
    "oldest people": Level(0.096, value=-0.07, claims=-0.22, amount=-0.04, growth=0.8),
}
# Made up: the data set as published has no region; more traffic, more claims.
REGIONS = {
    "Metro": Level(0.36, claims=0.08),
    "Suburbs": Level(0.31),
    "Coast": Level(0.18, claims=-0.06),
    "Country": Level(0.15, claims=-0.12),
}
TABLES = {"VehAge": VEHICLE_AGES, "VehBody": BODIES, "Gender": GENDERS, "DrivAge": DRIVER_AGES, "region": REGIONS}
# Marginals of the data set: whole days of a year of 365.25, mean 0.469, somewhat more short spells than long ones.
EXPOSURE_POWER = 1.13
# Fitted: mean of log value at the base levels, deviation (0.33) tightened to keep the mean; the largest, 34.56, capped.
VALUE_LOG_MEAN, VALUE_LOG_SD, VALUE_CAP = 0.225, 0.30, 35.0
# Fitted: log claims a policy year at the base levels, set so that 6.8 % of policies claim; slope on log value.
CLAIMS_LOG_BASE, CLAIMS_BY_VALUE = -1.895, 0.15
# Marginals of the data set: nobody has more than 4 claims.
CLAIMS_CAP = 4
# Marginals of the data set: median 762, mean 2,014, none below 200; the largest, 55,922, rounded up.
AMOUNT_LOG_MEAN, AMOUNT_LOG_SD, AMOUNT_FLOOR, AMOUNT_CAP = 6.48, 1.38, 200.0, 56000.0
# Marginals of the data set: two claims cost 1.5 times one, three twice, so each further one half of the first.
AMOUNT_BY_FURTHER_CLAIM = 0.5
# Made up: what a drift of 1 adds, from the first month to the last, to log value and to log claim frequency.
DRIFT_OF_VALUE, DRIFT_OF_CLAIMS = 0.30, 0.50


def draw_levels(levels: dict[str, Level], drifted: Floats, rng: np.random.Generator) -> Codes:
    """Draw a level's place for every policy, from shares that grow with the policy's drift."""
    shares = np.array([level.share for level in levels.values()])
    growth = np.array([level.growth for level in levels.values()])
    edges = np.cumsum(shares * np.exp(np.outer(drifted, growth)), axis=1)
    return (rng.random((len(drifted), 1)) * edges[:, -1:] >= edges[:, :-1]).sum(axis=1)


def effects(codes: dict[str, Codes], name: str) -> Floats:
    """Sum the named effect over the levels of every policy."""
    gains = {table: np.array([getattr(level, name) for level in TABLES[table].values()]) for table in codes}
    return np.sum([gains[table][places] for table, places in codes.items()], axis=0)


def draw_counts(rates: Floats, rng: np.random.Generator) -> Codes:
    """Draw Poisson numbers of claims by inverting their distribution, one uniform number a policy."""
    uniform = rng.random(len(rates))
    counts = np.zeros(len(rates), dtype=np.int64)
    term = below = np.exp(-rates)
    for count in range(1, CLAIMS_CAP + 1):
        counts += uniform >= below
        term = term * rates / count
        below = below + term
    return counts


def draw_amounts(counts: Codes, shift: Floats, rng: np.random.Generator) -> Floats:
    """Draw a lognormal amount between floor and cap for every policy with a claim, 0 for the others."""
    scale = 1 + AMOUNT_BY_FURTHER_CLAIM * (counts - 1)
    amounts = scale * np.exp(AMOUNT_LOG_MEAN + shift + AMOUNT_LOG_SD * rng.standard_normal(len(counts)))
    return np.where(counts > 0, np.clip(amounts, AMOUNT_FLOOR, AMOUNT_CAP), 0.0)


def portfolio(policies: int, months: int, start: str, seed: int, drift: float) -> dict[str, list[object]]:
    """Return all columns by name, the policies in the order of their months."""
    rng = np.random.Generator(np.random.PCG64(seed))
    month = np.arange(policies) * months // policies
    drifted = drift * month / max(months - 1, 1)
    codes = {name: draw_levels(levels, drifted, rng) for name, levels in TABLES.items()}
    exposure = np.ceil(365 * (1 - rng.random(policies)) ** EXPOSURE_POWER) / 365.25
    noise = VALUE_LOG_SD * rng.standard_normal(policies)
    log_value = VALUE_LOG_MEAN + effects(codes, "value") + DRIFT_OF_VALUE * drifted + noise
    value = np.minimum(np.exp(log_value), VALUE_CAP)
    rate = CLAIMS_LOG_BASE + CLAIMS_BY_VALUE * np.log(value) + effects(codes, "claims") + DRIFT_OF_CLAIMS * drifted
    counts = draw_counts(exposure * np.exp(rate), rng)
    amounts = draw_amounts(counts, effects(codes, "amount"), rng)
    words = {name: np.array(list(TABLES[name]))[places].tolist() for name, places in codes.items()}
    region = words.pop("region")
    return {
        "Exposure": exposure.round(6).tolist(),
        "VehValue": value.round(2).tolist(),
        **words,
        "ClaimOcc": (counts > 0).astype(int).tolist(),
        "ClaimNb": counts.tolist(),
        "ClaimAmount": amounts.round(2).tolist(),
        "policy_id": [f"P{number:08}" for number in range(1, policies + 1)],
        "month": [f"{first}-01" for first in (np.datetime64(start, "M") + month).astype(str).tolist()],
        "region": region,
    }


def write(names: Iterable[str], rows: Iterable[tuple[object, ...]], target: Path) -> None:
    """Write a CSV file whole or not at all; OSError where the folder does not take it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """Return a reader of numbers from low to high, for argparse."""
    noun = "a whole number" if kind is int else "a number"

    def read(text: str) -> float:
        """Return the number; ArgumentTypeError where it is none, or out of bounds."""
        with suppress(ValueError):
            if low <= (value := kind(text)) <= high:
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is not {noun} from {low} to {high}")

    return read


def year_month(text: str) -> str:
    """Return the text if it is a month such as 2025-01; ArgumentTypeError otherwise."""
    if not re.fullmatch("(19|20)[0-9]{2}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a month from 1900-01 to 2099-12, such as 2025-01")
    return text


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--policies", type=number(int, 1, 2_000_000), default=68_000, help="rows (%(default)s)")
    parser.add_argument("--months", type=number(int, 1, 1200), default=12, help="months they fill (%(default)s)")
    parser.add_argument("--start", type=year_month, default="2025-01", help="the first month (%(default)s)")
    parser.add_argument("--seed", type=number(int, 0, 2**32 - 1), default=1, help="of the random numbers (%(default)s)")
    parser.add_argument("--drift", type=number(float, 0.0, 1.0), default=0.0, help="0 none .. 1 strong (%(default)s)")
    parser.add_argument("--keys", action=argparse.BooleanOptionalAction, default=True, help="policy, month, region")
    parser.add_argument("--out", type=Path, default=Path("data/policies.csv"), help="the file (%(default)s)")
    return parser


def main() -> None:
    """Make the portfolio that the command line asks for and write it."""
    parser = arguments()
    given = parser.parse_args()
    columns = portfolio(given.policies, given.months, given.start, given.seed, given.drift)
    names = list(columns) if given.keys else list(columns)[:9]
    try:
        write(names, zip(*(columns[name] for name in names), strict=True), given.out)
    except OSError as error:
        parser.error(f"argument --out: {error}")
    print(f"wrote {given.policies} policies to {given.out}")


if __name__ == "__main__":
    main()
