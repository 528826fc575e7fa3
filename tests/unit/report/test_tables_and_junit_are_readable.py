"""What people and Jenkins read after a run."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest

from mlagent.core.verdict import check, verdict
from mlagent.report import junit
from mlagent.report.table import table, verdicts


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() -> None:
    assert table(("a", "bee"), [("longer", "x"), ("y", "longest")]).splitlines() == [
        "a       bee",
        "------  -------",
        "longer  x",
        "y       longest",
    ]


def test_a_coloured_word_keeps_its_column() -> None:
    plain = table(("a", "b"), [("pass", "x"), ("fail", "y")])
    assert click.unstyle(table(("a", "b"), [("pass", "x"), ("fail", "y")], colour=0)) == plain


def test_a_long_last_cell_goes_on_in_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = table(("stage", "says"), [("gate", "word " * 30), ("x", "y")], colour=0).splitlines()
    assert {len(click.unstyle(line)) <= 60 for line in shown} == {True}
    assert [line[:7] for line in shown[3:-1]] == [" " * 7] * len(shown[3:-1])
    assert " ".join(click.unstyle("\n".join(shown)).split()).count("word") == 30


def test_a_long_check_goes_on_in_its_column_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    checks = [check("word " * 12 + "end", 0.5, ">=", 0.9, samples=3), check("accuracy", 0.95, ">=", 0.9, samples=3)]
    shown = click.unstyle(verdicts([("validate-data", verdict("x", checks, inputs={}, tools={}))])).splitlines()
    assert max(map(len, shown)) <= 100
    assert re.split(r" {2,}", shown[2])[2:] == ["0.5", ">= 0.9", "3", "fail"]
    assert shown[3].strip().endswith("end")
    assert [line.index("word") for line in shown[2:4]] == [shown[0].index("check")] * 2
    assert shown[4].index("accuracy") == shown[0].index("check")


def test_every_check_of_every_verdict_has_a_row() -> None:
    checks = [
        check("p99 latency", 2.5, "<=", 50, unit="ms", samples=1000),
        check("accuracy", None, ">=", 0.9, samples=3, samples_min=10),
    ]
    rows = click.unstyle(verdicts([("gate", verdict("gate", checks, inputs={}, tools={}))])).splitlines()[2:]
    assert [re.split(r" {2,}", row) for row in rows] == [
        ["gate", "p99 latency", "2.5 ms", "<= 50 ms", "1000", "pass"],
        ["gate", "accuracy", "-", ">= 0.9", "3", "inconclusive"],
    ]


def test_junit_holds_the_output_of_what_failed_whatever_bytes_it_is_made_of(tmp_path: Path) -> None:
    path = tmp_path / "j.xml"
    junit.write(path, "lint", [junit.Case("good", None), junit.Case('b"a<d', "<&> \x1b[31mred\x00 ]]> é")])
    suite = ET.parse(path).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    good, bad = suite.findall("testcase")
    assert good.find("failure") is None
    assert bad.get("name") == 'b"a<d'
    assert (bad.findtext("failure") or "") == "<&> \ufffd[31mred\ufffd ]]> é"


def test_a_verdict_is_a_suite_whose_cases_are_its_checks_without_secrets(tmp_path: Path) -> None:
    judged = verdict(
        "gate",
        [
            check("accuracy", 0.5, ">=", 0.9, samples=100),
            check("gain", -1, ">=", 0, samples=100, severity="warn"),
            check("auc", None, ">=", 0.9, samples=1),
        ],
        inputs={},
        tools={},
    )
    junit.write_verdict(tmp_path / "j.xml", "gate", judged, lambda text: text.replace("accuracy", "[secret]"))
    suite = ET.parse(tmp_path / "j.xml").getroot()
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("gate.gate", "3", "2")
    assert [one.get("name") for one in suite if len(one)] == ["accuracy", "auc"]
    assert (suite[0][0].text or "").startswith("[secret] 0.5 is below 0.9")
