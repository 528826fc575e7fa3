"""The platform's waivers: strictly read, applied to the check they name, worth nothing after their day."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from mlagent.config.waivers import applied, load
from mlagent.core.verdict import check, verdict
from mlagent.errors import ConfigError

GOOD = """\
waivers:
  - project: risk
    check: accuracy
    owner: jane@insurer.example
    reason: case 4711
    expires: 2026-12-31
"""


def written(folder: Path, text: str) -> Path:
    (folder / "waivers.yaml").write_text(text)
    return folder / "waivers.yaml"


def test_a_check_that_failed_is_waived_until_the_end_of_its_day(tmp_path: Path) -> None:
    entries = load(written(tmp_path, GOOD))
    failed = check("accuracy", 0.1, ">=", 0.9, samples=500)
    waived = applied(failed, entries, "risk", date(2026, 12, 31))
    assert waived.outcome == "waived"
    assert waived.waiver is not None
    assert (waived.waiver.owner, waived.waiver.reason) == ("jane@insurer.example", "case 4711")
    assert "waived by jane@insurer.example until 2026-12-31: case 4711" in waived.reason
    assert verdict("gate", [waived], inputs={}, tools={}).outcome == "pass"


@pytest.mark.parametrize(
    ("project", "metric", "today"),
    [("risk", "accuracy", date(2027, 1, 1)), ("other", "accuracy", date(2026, 1, 1)), ("risk", "f1", date(2026, 1, 1))],
)
def test_it_is_worth_nothing_later_elsewhere_or_for_another_check(
    tmp_path: Path, project: str, metric: str, today: date
) -> None:
    failed = check(metric, 0.1, ">=", 0.9, samples=500)
    found = applied(failed, load(written(tmp_path, GOOD)), project, today)
    assert (found.outcome, found.waiver) == ("fail", None)
    assert ("waiver held until 2026-12-31" in found.reason) == (today.year == 2027)


def test_what_was_not_measured_at_all_is_not_waived(tmp_path: Path) -> None:
    void = msgspec.structs.replace(check("accuracy", 0.1, ">=", 0.9, samples=500), outcome="invalid")
    assert applied(void, load(written(tmp_path, GOOD)), "risk", date(2026, 1, 1)) == void


def test_a_check_that_passed_needs_none(tmp_path: Path) -> None:
    good = check("accuracy", 0.95, ">=", 0.9, samples=500)
    assert applied(good, load(written(tmp_path, GOOD)), "risk", date(2026, 1, 1)) == good


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    owner: jane@insurer.example\n", "", "waivers.yaml:2: waiver 1: Object missing required field `owner`"),
        ("    reason: case 4711\n", '    reason: ""\n', "waivers.yaml:2: waiver 1: Expected `str` of length >= 1"),
        ("2026-12-31", "soon", "waivers.yaml:2: waiver 1: Invalid RFC3339 encoded date"),
        ("project: risk", "projekt: risk", "waivers.yaml:2: waiver 1"),
        (
            "waivers:",
            "waiver:",
            "waivers.yaml:1: a file of waivers holds one list, `waivers:`; did you mean 'waivers'?",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, GOOD.replace(old, new)))
    assert said in refused.value.message
