"""A secret's value, and the forms programs give it, are taken out of texts, bytes and nested values."""

import base64
import json
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from mlagent.config.redact import MASK, Redactor
from mlagent.config.secret import Secret
from mlagent.errors import ConfigError

VALUE = 'p@ss/w"ord é+1'


@pytest.fixture
def redactor(monkeypatch: pytest.MonkeyPatch) -> Redactor:
    monkeypatch.setenv("PLANTED", VALUE)
    return Redactor([Secret("env:PLANTED")])


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        quote(VALUE, safe=""),
        json.dumps(VALUE),
        json.dumps(VALUE, ensure_ascii=False),
        escape(VALUE),
        repr(VALUE),
        repr(VALUE.encode())[1:],
        base64.b64encode(VALUE.encode()).decode(),
        f"https://user:{quote(VALUE, safe='')}@host/",
    ],
)
def test_every_usual_spelling_is_masked(redactor: Redactor, form: str) -> None:
    masked = redactor.text(f"before {form} after")
    assert MASK in masked
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert VALUE not in masked
    assert form.strip("\"'") not in masked


def test_nested_values_are_masked_and_numbers_are_kept(redactor: Redactor) -> None:
    assert redactor.deep({"a": [VALUE, 1, None, True, 0.5], VALUE: {"b": Path(VALUE)}}) == {
        "a": [MASK, 1, None, True, 0.5],
        MASK: {"b": MASK},
    }


def test_bytes_are_masked(redactor: Redactor) -> None:
    assert redactor.data(f"x{VALUE}y".encode()) == f"x{MASK}y".encode()


def test_a_value_that_holds_another_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT", "abcd")
    monkeypatch.setenv("LONG", "xxabcdyy")
    assert Redactor([Secret("env:SHORT"), Secret("env:LONG")]).text("xxabcdyy") == MASK


def test_a_key_file_is_masked_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN KEY-----\nMIIabcdefghijk\n-----END KEY-----\n")
    masked = Redactor([Secret(f"file:{tmp_path / 'key'}")]).text("output: MIIabcdefghijk.")
    assert masked == f"output: {MASK}."


def test_an_absent_secret_is_said_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABSENT", raising=False)
    with pytest.raises(ConfigError, match="env:ABSENT is empty or cannot be read"):
        Secret("env:ABSENT").reveal()


@pytest.mark.parametrize("literal", ["hunter2", "env:", "env:1A", "file:", "ENV:X", "env:A B", ""])
def test_a_literal_is_refused_and_not_repeated(literal: str) -> None:
    with pytest.raises(ValueError, match="only as a reference") as refused:
        Secret(literal)
    assert literal == "" or literal not in str(refused.value).replace("env:NAME", "").replace("file:PATH", "")
