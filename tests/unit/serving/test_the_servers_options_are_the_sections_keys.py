"""What `serving` of mlpipeline.yaml says reaches the server: each key is an option of it, with the same default."""

from typing import Any

import msgspec
import pytest

from mlagent.config.images import Serving
from mlagent.serving.options import parser

NEEDED = ["--model", "m.onnx", "--name", "m"]
TOLD = [name for name in Serving.__struct_fields__ if name not in Serving.GIVEN]
OTHER: dict[str, Any] = {
    "device": "cuda",
    "allow_cpu": True,
    "profile": "latency",
    "processes": 3,
    "queue": 7,
    "rows_limit": 10,
    "batch_rows": 1,
    "batch_window_ms": 2.5,
    "deadline_seconds": 0.0,
    "client_seconds": 12.0,
    "access_log": 0.25,
}


def test_each_key_has_another_value_here() -> None:
    assert sorted(OTHER) == sorted(TOLD)


@pytest.mark.parametrize("name", TOLD)
def test_defaults_are_the_same(name: str) -> None:
    assert getattr(parser({}).parse_args(NEEDED), name) == getattr(Serving(), name)


@pytest.mark.parametrize("name", TOLD)
def test_a_value_arrives_as_a_variable_and_as_an_option(name: str) -> None:
    given = msgspec.convert({name: OTHER[name]}, Serving)
    assert list(given.variables()) == [f"MLAGENT_SERVING_{name.upper()}"]
    assert getattr(parser(given.variables()).parse_args(NEEDED), name) == OTHER[name]
    assert getattr(parser({}).parse_args([*NEEDED, *given.options()]), name) == OTHER[name]


def test_a_server_in_a_container_is_told_nothing_where_nothing_is_set_and_a_process_its_processors() -> None:
    assert Serving().variables() == {}
    assert Serving(cpus=1.5).variables() == {}
    assert Serving(cpus=1.5).options() == ["--cpus", "1.5"]


@pytest.mark.parametrize(
    "options",
    [
        ["--queue", "0"],
        ["--queue", "x"],
        ["--processes", "-1"],
        ["--batch-window-ms", "-1"],
        ["--deadline-seconds", "nan"],
        ["--access-log", "1.5"],
        ["--client-seconds", "0"],
        ["--device", "tpu"],
        ["--profile", "quick"],
        ["--allow-cpu", "perhaps"],
    ],
)
def test_a_value_that_is_none_is_refused_by_its_name(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser({}).parse_args([*NEEDED, *options])
    assert options[0] in capsys.readouterr().err
