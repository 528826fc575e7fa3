"""What a courier may not do, since a controller saves and restores it at every step; and how long it may be."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VARS = sorted((ROOT / "vars").glob("*.groovy"))
TEXTS = {path.name: path.read_text() for path in VARS}
CODE = {name: re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL) for name, text in TEXTS.items()}
UNQUOTED = {name: re.sub(r"'[^'\n]*'", "''", text) for name, text in CODE.items()}


def test_it_is_short() -> None:
    assert sum(len(text.splitlines()) for text in TEXTS.values()) < 600
    assert len((ROOT / "resources" / "mlagent" / "bootstrap.sh").read_text().splitlines()) < 150
    assert not (ROOT / "src").exists()


def test_every_var_has_a_page_of_help() -> None:
    assert {path.stem for path in VARS} == {"mlPipeline", "mlStage", "mlApproval", "mlAgent"}
    assert [path.name for path in VARS if not path.with_suffix(".txt").read_text().startswith("<p>")] == []


def test_one_helper_runs_in_one_go() -> None:
    assert sum(text.count("@NonCPS") for text in CODE.values()) <= 1


@pytest.mark.parametrize(
    "banned",
    [
        r"\.(each|eachWithIndex|collect|collectEntries|find|findAll|any|every|sort|inject|times|upto|with|tap)\s*[({]",
        r"\bfor\s*\([^;)]*\bin\b",  # an iterator cannot be saved
        r"=~|\bMatcher\b|\bPattern\b",
        r"\bentrySet\b|\bJsonSlurper\b|\breadJSON\b|\breadYaml\b",
        r'"',  # no GString: not as a key, not in a command
        r"@Field|\bstatic\b|\bdef\b",
        r"new\s+File\b|\bProcessBuilder\b|\.execute\(\)|\bSystem\.|\bThread\b|\bsleep\((?!time:)",  # the step has names
        r"\bJenkins\.(instance|get)\b|\brawBuild\b|\bgetRawBuild\b",
        r"currentBuild\.(rawBuild|log)|\bmanager\.",
    ],
)
def test_nothing_stands_there_that_a_controller_cannot_save_or_should_not_do(banned: str) -> None:
    assert {name: re.findall(banned, text) for name, text in UNQUOTED.items() if re.search(banned, text)} == {}


def test_every_shell_script_is_one_single_quoted_constant() -> None:
    calls = [(name, call) for name, text in CODE.items() for call in re.findall(r"\bsh\((.*?)\)\n", text, re.DOTALL)]
    assert {name for name, _ in calls} == {"mlAgent.groovy"}
    assert len(calls) == 2
    for _, call in calls:
        script = call.partition("script:")[2]
        assert re.fullmatch(r"(\s*'[^']*'\s*\+?)+", script), script


def test_exit_codes_are_decided_by_the_rendered_table_alone() -> None:
    codes = {str(row["code"]) for row in json.loads((ROOT / "resources/mlagent/stages.json").read_text())["exit_codes"]}
    named = {number for text in CODE.values() for number in re.findall(r"exit_code: (\d+)", text)}
    assert named <= codes
