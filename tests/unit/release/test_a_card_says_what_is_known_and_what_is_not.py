"""The model card: every figure with its interval, what people wrote, and what nobody said is called that."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mlagent.config.card import Card
from mlagent.core.digest import of_bytes
from mlagent.core.verdict import check, verdict
from tests.good_release import a_digest, done
from tests.release_house import EVALUATION, ReleaseHouse

SAID = Card(
    intended_use="to look | again at <b>some</b> policies",
    not_for="refusing anybody",
    data="ours, of 2019",
    limits="other countries",
    owner="pricing",
)


@pytest.fixture
def house(tmp_path: Path) -> ReleaseHouse:
    return ReleaseHouse(tmp_path / "house")


def section(card: str, title: str) -> str:
    return card.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_what_nobody_wrote_is_named_with_the_key_that_says_it(house: ReleaseHouse) -> None:
    house.write()
    for key in ("intended_use", "not_for", "owner", "data", "limits"):
        assert f"*Not stated: set `card.{key}`.*" in house.card


def test_what_the_team_wrote_stands_there_and_is_no_markup(house: ReleaseHouse) -> None:
    house.said = SAID
    house.write()
    assert "**Intended use**: to look \\| again at &lt;b>some&lt;/b> policies" in house.card
    assert "Not stated" not in house.card


def test_it_names_the_record_that_it_is_written_from(house: ReleaseHouse) -> None:
    house.write()
    assert of_bytes((house.work / "release.json").read_bytes()) in house.card


def test_every_metric_has_its_interval_beside_a_constant_answer(house: ReleaseHouse) -> None:
    house.write()
    told = section(house.card, "How good it is")
    assert "| ROC AUC | 0.75 (0.7 to 0.8) | 0.5 |" in told
    assert "| MCC | – | – |" in told  # noqa: RUF001 - a dash, as in a printed table
    assert "1,200 rows that training never saw; in brackets the 95 % interval" in told
    assert "Not compared with production: no model was there." in told


def test_the_model_in_production_stands_beside_it(house: ReleaseHouse) -> None:
    others = {**EVALUATION["others"], "production": {"roc_auc": {"value": 0.73, "low": 0.7, "high": 0.76}}}
    house.evaluation = msgspec.json.encode({**EVALUATION, "others": others})
    house.write()
    assert "| ROC AUC | 0.75 (0.7 to 0.8) | 0.5 | 0.73 |" in house.card


def test_why_production_could_not_be_asked_is_said(house: ReleaseHouse) -> None:
    house.evaluation = msgspec.json.encode({**EVALUATION, "unknown": {"production": "MLflow is away"}})
    house.write()
    assert "Not compared with production: MLflow is away." in house.card


def test_groups_come_with_gaps_limits_and_what_could_not_be_judged(house: ReleaseHouse) -> None:
    limit = check("demographic_parity_difference of Gender", 0.75, "<=", 0.8, samples=1200)
    judged = verdict("gate", [limit], inputs={}, tools={}, notes=["bias: looked at by counsel"])
    house.house.chain = tuple(done("gate", None, judged) if one.stage == "gate" else one for one in house.house.chain)
    house.write()
    told = section(house.card, "How groups of people are treated")
    assert "| demographic parity difference | 0.75 (0.7 to 0.8) | <= 0.8 | pass |" in told
    assert told.index("| M | 700 |") < told.index("| F | 500 | 0.1 | 0.3 (0.2 to 0.4) |")
    assert "- F: not judged on true positive rate: 3 labelled 1, 10 are needed" in told
    assert "- X: no test row is of this group" in told
    assert "- bias: looked at by counsel" in told


def test_a_model_whose_groups_nobody_named_says_so(house: ReleaseHouse) -> None:
    model = {"metrics": EVALUATION["models"]["model"]["metrics"]}
    house.evaluation = msgspec.json.encode({**EVALUATION, "models": {"model": model}})
    house.write()
    assert "No group was measured: `evaluate.groups` names none." in house.card


def test_limits_name_the_worst_slice_and_every_check_that_is_no_plain_pass(house: ReleaseHouse) -> None:
    weak = check("share of empty values", 0.2, "<=", 0.1, samples=90, severity="warn")
    judged = verdict("data", [weak], inputs={"data": a_digest("data")}, tools={})
    house.house.chain = tuple(
        done("validate-data", None, judged) if one.stage == "validate-data" else one for one in house.house.chain
    )
    house.write()
    told = section(house.card, "Limits")
    assert "| ROC AUC | Car=old | 90 | 0.75 (0.7 to 0.8) |" in told
    assert "| data | share of empty values 0.2 is above 0.1 (90 samples) | warn |" in told
    assert "Rows: 90, 1,200 of them kept for the test." in house.card


def test_latency_is_that_of_the_load_test(house: ReleaseHouse) -> None:
    p99 = check("p99 latency", 7.1, "<=", 50, samples=1419, unit="ms")
    judged = verdict("load-test", [p99], inputs={}, tools={})
    house.house.chain = tuple(
        done("load-test", None, judged) if one.stage == "load-test" else one for one in house.house.chain
    )
    house.write()
    assert "| p99 latency | 7.1 ms | <= 50 ms | 1,419 | pass |" in house.card


def test_a_model_that_was_not_load_tested_says_so(house: ReleaseHouse) -> None:
    house.house.chain = tuple(one for one in house.house.chain if one.stage != "load-test")
    house.write()
    assert "It was not load-tested." in house.card


def test_other_words_make_another_card_of_the_same_record(house: ReleaseHouse) -> None:
    before, plain = house.write(), house.card
    house.said = SAID
    assert house.write() == before
    assert house.card != plain


def test_the_stage_takes_no_heavy_library(house: ReleaseHouse) -> None:
    """What it loads where no image was pushed, in a process of its own."""
    code = (
        "import sys, json\n"
        "from mlagent.stages import release\n"
        "from mlagent import adapters\n"
        "from mlagent.trust import card, measured, provenance, record, stated, verdicts\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "polars", "mlflow", "torch", "urllib3", "onnxruntime", "kubernetes", "docker", "sqlalchemy"}
    assert not heavy & set(json.loads(ended.stdout))
