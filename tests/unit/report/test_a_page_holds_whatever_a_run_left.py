"""The page at its edges: parts that are missing, hostile names, odd numbers, very many columns and checks."""

import math
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from mlagent.core.verdict import Check, check
from mlagent.measure.evaluation import Evaluation
from mlagent.measure.metrics import Task
from mlagent.measure.profile import ColumnProfile
from mlagent.report.page import CONTENTS, page
from mlagent.report.run import Attempt, Missing, Percentile, Ran, Spread
from tests.unit.report.conftest import NAMES, Make, load, measured, profile, ran

HOSTILE = """</title><script>alert('x')</script><b a="&amp;">ÄΩ漢"""
VOID = {"meta", "br"}


class Tree(HTMLParser):
    """Every element with its attributes; refuses what is not closed in order."""

    def __init__(self, shown: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(shown)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def part(shown: str, name: str) -> str:
    """One section of the page."""
    return shown.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def test_equal_input_gives_equal_bytes_and_nothing_comes_from_elsewhere(make: Make) -> None:
    shown = page(make())
    assert shown == page(make())
    assert len(shown.encode()) < 500_000
    tree = Tree(shown)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in tree.found)
    assert not [key for _, one in tree.found for key in one if key in ("style", "src") or key.startswith("on")]
    assert set(re.findall(r"https?://[^\"']+", shown)) == {"http://www.w3.org/2000/svg"}


def test_headings_are_in_order_names_are_unique_and_the_contents_lead_somewhere(make: Make) -> None:
    tree = Tree(page(make(evaluation=measured("binary", {"sex": np.array(["f", "m"] * 200)}))))
    levels = [int(tag[1]) for tag, _ in tree.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = Counter(one["id"] for _, one in tree.found if "id" in one)
    assert max(names.values()) == 1
    links = [str(one["href"]).removeprefix("#") for tag, one in tree.found if tag == "a"]
    assert links == [name for name, _ in CONTENTS]
    assert set(links) <= set(names)
    assert {tag for tag, _ in tree.found} >= {"header", "nav", "main", "footer"}
    assert tree.count("caption") == tree.count("table")


def test_what_is_missing_is_said_and_no_empty_plot_is_drawn(make: Make) -> None:
    why = Missing("evaluate did not run")
    none = {name.replace("-", "_"): Ran(name=name, title=name) for name in NAMES}
    shown = page(make(**none, profile=why, accepted=why, epochs=why, evaluation=why, load=why))
    assert "<svg" not in shown
    assert "Not all stages have run: none has yet, check is next." in shown
    for name in ("data", "training", "quality", "fairness", "load"):
        assert "evaluate did not run." in part(shown, name), name
    assert "Nothing has been judged yet." in part(shown, "verdicts")


def test_hostile_names_are_text_wherever_they_stand(make: Make) -> None:
    bad = check(HOSTILE, 1.0, "<=", 0.5, unit=HOSTILE, samples=10)
    column = ColumnProfile(rows=10, nulls=0, categories={HOSTILE: 6, "b": 4}, kind=HOSTILE)
    run = make(
        project=HOSTILE,
        commit=HOSTILE,
        facts={HOSTILE: HOSTILE},
        config={HOSTILE: {"x": HOSTILE}},
        sources={f"{HOSTILE}.x": HOSTILE},
        profile=profile(**{HOSTILE: column}),
        accepted=profile(**{HOSTILE: column}),
        epochs=[{"epoch": 1, HOSTILE: 1.0}, {"epoch": 2, HOSTILE: 2.0}],
        evaluation=measured("binary", {HOSTILE: np.array([HOSTILE, "m"] * 200)}),
        gate=ran("gate", bad, state="refused", hint=HOSTILE, summary=HOSTILE, parts={HOSTILE: HOSTILE}),
    )
    tree = Tree(page(run))
    assert {"script", "b"}.isdisjoint(tag for tag, _ in tree.found)
    assert tree.text.count(HOSTILE) > 20


def test_two_hundred_columns_stay_small_and_none_is_forgotten(make: Make) -> None:
    edges = tuple(np.linspace(0, 1, 9).tolist())
    number = ColumnProfile(rows=100, nulls=0, edges=edges, counts=(10,) * 10, kind="number")
    columns = {f"column_{at}": number for at in range(200)}
    shown = page(make(profile=profile(**columns), accepted=profile(**columns)))
    assert len(shown.encode()) < 500_000
    assert all(f">{name}</th>" in shown for name in columns)
    assert "164 more columns are not drawn" in shown
    assert part(shown, "data").count("<svg") == 36


def test_of_ten_thousand_checks_every_one_that_did_not_pass_is_there(make: Make) -> None:
    good = [check(f"good {at}", 1.0, "<=", 2, samples=10) for at in range(8000)]
    bad = [check(f"bad {at}", 3.0, "<=", 2, samples=10) for at in range(2000)]
    shown = page(make(gate=ran("gate", *good, *bad, state="refused")))
    assert all(f">bad {at}</th>" in shown for at in range(2000))
    assert "8,000 more checks passed; they stand in verdict-gate.json." in shown
    few = page(make(gate=ran("gate", *good[:990], *bad[:10], state="refused")))
    assert few.count(">good ") == 990


@pytest.mark.parametrize(
    "column",
    [
        ColumnProfile(rows=10, nulls=10),
        ColumnProfile(rows=0, nulls=0),
        ColumnProfile(rows=10, nulls=0, edges=(0.0,), counts=(9, 1)),
        ColumnProfile(rows=10, nulls=0, edges=(-1e308, -3, -2, -1, 0, 1, 2, 3, 1e308), counts=(1,) * 10),
        ColumnProfile(rows=10, nulls=0, edges=(0, 1, 2), counts=(1,) * 4, kind="integer"),
        ColumnProfile(rows=10, nulls=0, edges=tuple(20000.0 + at for at in range(9)), counts=(1,) * 10, kind="date"),
        ColumnProfile(rows=10, nulls=0, edges=(-1e7, 0, 1, 2, 3, 4, 5, 6, 1e7), counts=(1,) * 10, kind="datetime"),
        ColumnProfile(rows=10, nulls=0, edges=tuple(map(float, range(9))), counts=(1,) * 10, by_length=True),
        ColumnProfile(rows=10, nulls=0, categories={f"c{at}": at + 1 for at in range(40)}),
    ],
)
@pytest.mark.parametrize("before", ["none", "same", "category", "number"])
def test_no_column_is_too_odd(make: Make, column: ColumnProfile, before: str) -> None:
    others = {
        "same": column,
        "category": ColumnProfile(rows=10, nulls=0, categories={"a": 10}),
        "number": ColumnProfile(rows=10, nulls=0, edges=(1.0, 2.0, 3.0), counts=(1, 2, 3, 4)),
    }
    accepted: Any = Missing("none") if before == "none" else profile(x=others[before])
    shown = part(page(make(profile=profile(x=column), accepted=accepted)), "data")
    assert "<figcaption>x" in shown
    assert not re.search(r"\b(nan|inf)\b", shown)


def test_moves_are_shown_beside_their_limit_the_largest_first(make: Make) -> None:
    column = ColumnProfile(rows=10, nulls=1, categories={"a": 9}, kind="text")
    moves = [check(f"PSI of {name} against the rows accepted last", value, "<=", 0.25, samples=10)
             for name, value in (("still", 0.01), ("moved", 0.9))]  # fmt: skip
    stage = ran("validate-data", *moves, state="refused")
    both = profile(still=column, moved=column)
    shown = part(page(make(validate_data=stage, profile=both, accepted=both)), "data")
    rows = re.findall(r'<th scope="row">(\w+)</th>.*?<td class="number">([\d.]+)</td><td class="number">≤ 0.25', shown)
    assert rows == [("moved", "0.9"), ("still", "0.01")]


@pytest.mark.parametrize(
    "epochs",
    [
        [{"epoch": 1, "train_loss": 0.5}],
        [{"epoch": 1, "train_loss": math.nan, "validation_loss": math.inf}, {"epoch": 2, "train_loss": 1.0}],
        [{"epoch": at, **{f"figure_{n}": n for n in range(20)}} for at in (1, 2)],
    ],
)
def test_learning_curves_hold_one_epoch_and_odd_figures(make: Make, epochs: list[dict[str, Any]]) -> None:
    shown = part(page(make(epochs=epochs)), "training")
    assert 1 <= shown.count("<svg") <= 9
    assert "<circle" in shown


@pytest.mark.parametrize(
    ("state", "says"),
    [("done", "3 epochs."), ("running", "3 epochs, and it goes on."), ("stopped", "did not end well.")],
)
def test_curves_say_whether_there_is_more_to_come(make: Make, state: str, says: str) -> None:
    assert says in part(page(make(train=ran("train", state=state))), "training")


@pytest.mark.parametrize("epochs", [[], [{"epoch": 1}], [{"epoch": 1, "note": "text"}], [{"other": 1}]])
def test_epochs_without_figures_are_said(make: Make, epochs: list[dict[str, Any]]) -> None:
    shown = part(page(make(epochs=epochs)), "training")
    assert "No figures were told of any epoch." in shown
    assert "<svg" not in shown


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "count"])
def test_every_task_shows_what_it_has(make: Make, task: Task) -> None:
    shown = page(make(evaluation=measured(task, {"sex": np.array(["f", "m"] * 200)})))
    assert part(shown, "quality").count("<svg") == (5 if task == "binary" else 2)
    assert ("curves are of two classes" in part(shown, "quality")) == (task != "binary")
    assert "Gaps between groups of sex" in part(shown, "fairness")
    assert "<svg" in part(shown, "fairness")


def test_a_model_that_answers_no_number_is_shown_as_not_known(make: Make) -> None:
    found = measured("binary")
    ships = found.models["model"]
    unknown = {name: msgspec.structs.replace(one, value=math.nan, low=math.nan, high=math.nan)
               for name, one in ships.metrics.items()}  # fmt: skip
    broken: Evaluation = msgspec.structs.replace(
        found, models={"model": msgspec.structs.replace(ships, metrics=unknown, curves=None)}
    )
    shown = page(make(evaluation=broken))
    assert "not known" in part(shown, "quality")
    assert not re.search(r">nan\b", shown)


def test_groups_of_too_few_rows_and_no_groups_are_said(make: Make) -> None:
    few = measured("binary", {"sex": np.array(["f"] * 395 + ["x"] * 5)})
    assert "x: not judged on said to be 1: 5 rows, 20 are needed." in part(page(make(evaluation=few)), "fairness")
    assert "No groups were named" in part(page(make()), "fairness")


@pytest.mark.parametrize(
    ("latency", "says"),
    [
        (np.empty(0), "0 requests in all"),
        (np.array([3.0]), "nothing to draw"),
        (np.array([1.0, 2.0]), "<svg"),
        (np.full(5000, 2.0), "<svg"),
        (np.array([math.nan, 1.0, math.inf]), "<svg"),
        (np.array([math.nan, 0.0, math.inf]), "nothing to draw"),
    ],
)
def test_load_tests_of_none_one_and_equal_requests(make: Make, latency: np.ndarray, says: str) -> None:
    shown = part(page(make(load=load(latency, bad=True))), "load")
    assert says in shown
    assert not re.search(r"\b(nan|inf)\b", shown)


def test_an_invalid_measurement_is_said_above_its_figures(make: Make) -> None:
    fault = msgspec.structs.replace(
        check("faults of the measurement", 1, "<=", 0, samples=9),
        outcome="invalid",
        reason="late; and the clock <jumped>",
    )
    stage = ran("load-test", fault, state="invalid")
    shown = part(page(make(load_test=stage)), "load")
    assert (
        shown.index("nothing below says how fast")
        < shown.index("<li>late</li><li>the clock &lt;jumped&gt;</li>")
        < shown.index("<table")
    )
    assert "nothing below says how fast" in part(page(make(load_test=stage, load=Missing("it broke off"))), "load")
    assert "nothing below says how fast" not in part(page(make()), "load")


def test_service_stands_beside_what_callers_felt(make: Make) -> None:
    spread = Spread(value=9.0, low=8.0, high=11.0)
    both = {"p99": Percentile(due=spread, service=msgspec.structs.replace(spread, value=2.5))}
    given = msgspec.structs.replace(load(np.ones(100)), percentiles=both)
    shown = part(page(make(load=given)), "load")
    assert '<th scope="row">p99 latency</th><td class="number">3 ms</td><td class="number">8 to 11</td>' in shown
    assert '<th scope="row">p99 of the service alone</th><td class="number">2.5 ms</td>' in shown


@pytest.mark.parametrize("ratio", [1.2, None])
def test_production_is_drawn_beside_it(make: Make, ratio: float | None) -> None:
    ends = (0.9, 1.4) if ratio else None
    one = check("p99 against production", ratio, "<=", 1.5, samples=900, interval=ends)
    shown = part(page(make(load_test=ran("load-test", one))), "load")
    assert "Beside what serves in production" in shown
    assert one.reason in shown
    assert not re.search(r">nan\b", shown)


@pytest.mark.parametrize("outcomes", [("pass", "fail"), ("invalid",)])
def test_attempts_are_drawn_and_listed(make: Make, outcomes: tuple[str, ...]) -> None:
    tried = tuple(
        Attempt(rate=100.0 * at, outcome=one, p99_ms=None if one == "invalid" else 5.0 * at)
        for at, one in enumerate(outcomes, start=1)
    )
    given = msgspec.structs.replace(load(np.ones(100)), attempts=tried, profile="capacity")
    shown = part(page(make(load=given)), "load")
    assert shown.count("At which rate the service level breaks") == 2
    assert '<th scope="row">1</th><td class="number">100</td>' in shown


@pytest.mark.parametrize(("profile", "drawn"), [("spike", True), ("step", True), ("steady", False)])
def test_the_rate_over_time_is_drawn_where_it_varies(make: Make, profile: str, drawn: bool) -> None:
    given = msgspec.structs.replace(load(np.ones(100)), profile=profile)
    assert ("The rate over time" in part(page(make(load=given)), "load")) is drawn


def test_wrong_answers_stand_beside_the_latency(make: Make) -> None:
    wrong = check("wrong answers", 3, "<=", 0, samples=500)
    shown = part(page(make(load_test=ran("load-test", wrong, state="refused"))), "load")
    assert '<th scope="row">wrong answers</th><td class="number">3</td>' in shown
    assert '<th scope="row">wrong answers</th>' not in part(page(make()), "load")


def test_what_was_set_stands_open_with_its_line_and_defaults_are_folded(make: Make) -> None:
    shown = part(page(make()), "provenance")
    given, _, plain = shown.partition("1 keys at their defaults")
    assert "gate.roc_auc_min" in given.partition("Configuration that was set")[2]
    assert "mlpipeline.yaml:9" in given
    assert "train.epochs" in plain
    assert "sha256:" + "d" * 64 in shown


def test_a_verdict_without_checks_is_no_pass_in_words(make: Make) -> None:
    stage = ran("gate", check("a", 1.0, "<=", 2, samples=1))
    empty = msgspec.structs.replace(stage.verdicts[0], checks=())
    shown = part(page(make(gate=msgspec.structs.replace(stage, verdicts=(empty,)))), "verdicts")
    assert "It holds no check, and no data is not a pass." in shown


def test_too_few_samples_and_intervals_stand_in_the_verdict(make: Make) -> None:
    few: Check = check("p99 latency", 1.0, "<=", 50, samples=3, samples_min=1000)
    shown = part(page(make(load_test=ran("load-test", few, state="inconclusive"))), "verdicts")
    assert "3 (at least 1,000)" in shown
    assert "0.7 to 0.9" in shown
