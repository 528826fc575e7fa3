"""Text on a terminal, quiet lines elsewhere, JSON on request; each line says its place, none holds a secret."""

import json
import re
from io import StringIO

import pytest

from mlagent.config.redact import Redactor
from mlagent.config.secret import Secret
from mlagent.engine.log import Format, open_log


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def speak(form: Format, stream: StringIO, redactor: Redactor | None = None) -> str:
    log = open_log(form, redactor or Redactor(), stream).bind(run="abc", stage="train", attempt=2)
    log.info("hello", rows=3)
    log.warning("careful")
    log.output("from the child")
    log.progress("epoch", 1, 2, loss=0.5)
    log.underway("epoch", 1.5, 2, loss=0.3)
    log.progress("epoch", 2, 2, loss=0.25)
    return stream.getvalue()


def test_elsewhere_every_line_has_time_level_and_place() -> None:
    lines = speak("auto", StringIO()).splitlines()
    pattern = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|WARN) abc/train/2 .+")
    assert [bool(pattern.fullmatch(line)) for line in lines] == [True] * 5
    said = [line.partition("abc/train/2 ")[2] for line in lines]
    assert said == ["hello  rows=3", "careful", "| from the child", "epoch 1/2  loss=0.5", "epoch 2/2  loss=0.25"]


def test_on_a_terminal_text_is_for_people_and_progress_is_a_bar() -> None:
    text = speak("auto", Terminal())
    assert text.startswith("  hello  rows=3\n  ! careful\n  │ from the child\n")
    assert "\r" in text
    assert f"[{'#' * 12}{'.' * 12}] 1/2" in text
    assert f"[{'#' * 18}{'.' * 6}] 1.5/2  loss 0.3" in text
    assert text.endswith(f"[{'#' * 24}] 2/2  loss 0.25\n")


def test_json_lines_hold_every_field() -> None:
    lines = [json.loads(line) for line in speak("json", StringIO()).splitlines()]
    assert {(line["run"], line["stage"], line["attempt"]) for line in lines} == {("abc", "train", 2)}
    assert (lines[0]["event"], lines[0]["rows"], lines[0]["level"]) == ("hello", 3, "info")


@pytest.mark.parametrize("form", ["text", "lines", "json"])
def test_secrets_are_masked_in_every_form(form: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "value-of-the-secret")
    stream = StringIO()
    log = open_log(form, Redactor([Secret("env:PLANTED")]), stream).bind(run="value-of-the-secret")
    log.info("event value-of-the-secret", field=["value-of-the-secret", {"deep": "value-of-the-secret"}])
    log.output("child says value-of-the-secret")
    log.progress("value-of-the-secret", 1, 1, extra="value-of-the-secret")
    assert "value-of-the-secret" not in stream.getvalue()
    assert stream.getvalue().count("[secret]") >= 5


def test_the_bar_on_a_terminal_is_masked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "value-of-the-secret")
    stream = Terminal()
    open_log("auto", Redactor([Secret("env:PLANTED")]), stream).progress("e", 1, 2, extra="value-of-the-secret")
    assert "value-of-the-secret" not in stream.getvalue()


def follow(stream: StringIO) -> str:
    log = open_log("auto", Redactor(), stream).bind(run="abc")
    log.stage("check", "reuse", "made by run 123")
    train = log.bind(stage="train", attempt=1)
    train.stage("train", "run", "Train (changed: train.epochs)")
    train.progress("epoch", 1, 2)
    train.info("a word in between")
    train.stage("train", "done", "loss 0.1", 6.6)
    train.stage("gate", "refused", "accuracy is low", 0.1)
    return stream.getvalue()


def test_on_a_terminal_each_stage_has_a_row_of_state_time_and_reason() -> None:
    rows = follow(Terminal()).replace("\r\x1b[K", "").splitlines()
    assert rows == [
        "= check        reuse              made by run 123",
        "▸ train        run                Train (changed: train.epochs)",
        f"  epoch [{'#' * 12}{'.' * 12}] 1/2  ",
        "  a word in between",
        "✓ train        done        6.6 s  loss 0.1",
        "✗ gate         refused     0.1 s  accuracy is low",
    ]


def test_elsewhere_what_is_reused_is_passed_over_in_silence() -> None:
    said = [line[25:] for line in follow(StringIO()).splitlines()]
    assert said == [
        "INFO abc/train/1 run: Train (changed: train.epochs)",
        "INFO abc/train/1 epoch 1/2",
        "INFO abc/train/1 a word in between",
        "INFO abc/train/1 loss 0.1  seconds=6.6",
        "WARN abc/train/1 refused: accuracy is low  seconds=0.1",
    ]
