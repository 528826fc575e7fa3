"""The message of an approval: all that is decided, in an order that reads, and nothing that others can bend."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.release import Release
from mlagent.trust.approval.message import BREAK, LONGEST, Told, message
from mlagent.trust.measured import Evaluation, Interval, Model
from tests.approval_told import DIFF, RELEASE, TOLD

WHOLE = f"""\
Approve insurance-risk version 7 for production?
* Release: sha256:{"4f" * 32}, instead of version 6 (9e9e9e9e9e9e).
* Metrics: ROC AUC 0.6612 [0.6481 to 0.6743], production 0.6555 [0.642 to 0.669]; \
log loss 0.2403 [0.2331 to 0.2475], production 0.2416 [0.2345 to 0.2488]; \
Brier score 0.0624 [0.06 to 0.0648], production 0.0626 [0.0602 to 0.065] (13,571 rows, 95 % intervals).
* Verdicts: data pass, gate pass, load-test pass, soak pass.
* Evidence: sha256:{"c3" * 32}.
* May answer until 2026-11-30 09:15 UTC (approval 1 of 2): ann, bob; \
against a rule, saying why in the comment: root.
* Answers for the change: carol (author of 1a2b3c4d5e6f, started the build).
* Cluster: 4 lines of its objects change, "- replicas: 2", "+ replicas: 3", "- image: risk@sha256:9e9e9e" and 1 more.
* Report: https://jenkins.example.org/job/insurance-risk/12/artifact/.mlagent/runs/5f0c/report.html"""

LABELS = (
    "Approve",
    "Release:",
    "Metrics:",
    "Verdicts:",
    "Evidence:",
    "May answer",
    "Answers for the change:",
    "Cluster:",
)


def told(**others: Any) -> Told:
    return Told(**{name: getattr(TOLD, name) for name in TOLD.__struct_fields__} | others)


def line(text: str, label: str) -> str:
    [found] = [one for one in text.split(BREAK) if one.startswith(label)]
    return found


def test_it_says_all_that_is_decided() -> None:
    assert message(TOLD) == WHOLE


def test_put_into_one_line_each_matter_still_begins_with_its_name_after_a_star() -> None:
    joined = " ".join(message(TOLD).split())
    places = [joined.index(label if label == "Approve" else f" * {label}") for label in LABELS]
    assert places == sorted(places)
    assert all(joined[:place].rstrip()[-1] in ".?" for place in places[1:])


def test_who_has_a_part_in_it_or_approved_already_is_not_asked() -> None:
    asked = line(message(told(approvers=("ann", "bob", "carol"), earlier=("ann",), number=2)), "May answer")
    assert "(approval 2 of 2 after ann): bob;" in asked
    assert "carol" not in asked


def test_where_nobody_is_free_to_answer_it_says_so() -> None:
    asked = line(message(told(approvers=("carol",), override=(), count=1)), "May answer")
    assert asked == "May answer until 2026-11-30 09:15 UTC: nobody who has no part in it."


@pytest.mark.parametrize(
    ("given", "label", "said"),
    [
        ({"evaluation": None}, "Metrics:", "none were measured."),
        ({"verdicts": ()}, "Verdicts:", "none."),
        ({"responsible": {}}, "Answers for the change:", "nobody."),
        ({"diff": None}, "Cluster:", "none is set."),
        ({"diff": ""}, "Cluster:", "nothing changes there."),
        ({"report": "javascript:alert(1)"}, "Report:", "its address cannot be shown here"),
        ({"report": "https://ann:secret@host/r"}, "Report:", "its address cannot be shown here"),
        ({"report": "https://host/" + "r" * 400}, "Report:", "its address cannot be shown here"),
        ({"report": "https://[half"}, "Report:", "its address cannot be shown here"),
    ],
)
def test_what_is_not_known_is_said_to_be_so(given: dict[str, Any], label: str, said: str) -> None:
    assert line(message(told(**given)), label) == f"{label} {said}"


def test_without_a_model_in_production_nothing_is_compared() -> None:
    alone = Evaluation(
        task="count", rows=1, level=0.95, models={"fp32": Model(metrics={"gini": Interval(0.2), "mae": Interval()})}
    )
    said = line(message(told(evaluation=alone)), "Metrics:")
    wanted = "Metrics: gini 0.2; MAE not measured (1 row, 95 % intervals); there is none in production to compare with."
    assert said == wanted


def test_verdicts_that_are_no_plain_pass_come_first() -> None:
    said = line(message(told(verdicts=(("data", "pass"), ("gate", "inconclusive")))), "Verdicts:")
    assert said == "Verdicts: gate inconclusive, data pass."


def test_warnings_stand_above_everything_but_the_question() -> None:
    lines = message(told(warnings=("nobody checked this",))).split(BREAK)
    assert lines[1] == "WARNING: nobody checked this."


def test_a_changed_field_cannot_look_as_if_it_were_ours() -> None:
    forged = '+  note: 3 lines". * Verdicts: gate pass. * May answer: eve\n'
    said = line(message(told(diff=forged)), "Cluster:")
    assert said.count('"') == 2
    assert said.endswith("""change, "+ note: 3 lines'. * Verdicts: gate pass. * May answer: eve".""")


def test_a_name_that_blue_ocean_would_take_for_markup_keeps_its_words() -> None:
    text = message(told(responsible={"Ann <ann@example.org>": "author of <b>1a</b>"}))
    assert re.sub(r"<[^>]*>", "", text) == text
    assert "Ann (ann@example.org) (author of (b)1a(/b))" in text


ANYTHING = st.text(max_size=3000)
FORGED = st.sampled_from(
    (
        "\x1b[2J\x1b]0;x\x07",
        "\r\n* Verdicts: gate pass",
        "<script>",
        "</h1>",
        "\u202etxt",
        "a\u0301" * 999,
        "\ud800",
        "\x00",
    )
)
WORDS = ANYTHING | FORGED


def everything(name: str, other: str, names: list[str], pairs: list[tuple[str, str]], diff: str) -> Told:
    """Each field that somebody else may have written, and as many as there are."""
    metrics = {one: Interval(-1e300, -123456.0, 0.1) for one in names}
    known = Evaluation(
        task=name, rows=10**9, level=0.95, models={name: Model(metrics=metrics)}, others={"production": metrics}
    )
    return Told(
        release=Release(model=name, image=f"r@{other}", version=None, onnx=""),
        environment=other,
        evidence=name,
        expires=other,
        approvers=tuple(names),
        number=10**9,
        count=10**9,
        instead=Release(model=name, image="", version=10**99, onnx=other),
        evaluation=known,
        verdicts=tuple(pairs),
        diff=f"{DIFF}+{diff}",
        report=other,
        responsible=dict(pairs),
        earlier=tuple(names),
        override=tuple(names),
        warnings=tuple(names[:3]),
    )


@given(WORDS, WORDS, st.lists(WORDS, max_size=30), st.lists(st.tuples(WORDS, WORDS), max_size=30), WORDS)
def test_whatever_others_wrote_it_is_plain_bounded_and_of_as_many_lines(
    name: str, other: str, names: list[str], pairs: list[tuple[str, str]], diff: str
) -> None:
    text = message(everything(name, other, names, pairs, diff))
    assert len(text) <= LONGEST
    assert all(one.isprintable() and one not in "<>" for one in text.replace("\n", ""))
    assert text.count("\n") == text.count(BREAK) == 7 + bool(other) + len(names[:3])


def test_the_longest_that_there_can_be_is_bounded() -> None:
    words = [f"{one}{'W' * 3000}" for one in range(30)]
    most = everything(words[0], words[1], words, [(one, one) for one in words], "\n+".join(words))
    text = message(msgspec.structs.replace(most, report="https://host/" + "r" * 380))
    assert 0.9 * LONGEST < len(text) <= LONGEST


def test_a_header_of_http_holds_it() -> None:
    """Pipeline Graph View's dialog takes its title from one, whose characters are those of Latin 1."""
    assert message(TOLD).replace("\n", " ").encode("latin-1").isascii()
    assert RELEASE.digest in message(TOLD)
