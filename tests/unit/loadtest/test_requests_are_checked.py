"""A request that is not in the contract starts nothing, and the error names the key."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlagent.errors import Bug
from mlagent.loadtest import request

GOOD: dict[str, Any] = {
    "url": "http://127.0.0.1:8000/v2/models/digits/infer", "golden": "golden.jsonl", "tolerance": 1e-4, "users": 2,
    "rate_per_second": 10, "warmup_seconds": 0, "duration_seconds": 1.5, "timeout_seconds": 1, "seed": 0, "output": "o",
}  # fmt: skip


def written(folder: Path, value: object) -> Path:
    path = folder / "request.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_a_good_request_is_read(tmp_path: Path) -> None:
    found = request.read(written(tmp_path, GOOD))
    assert (found.users, found.rate_per_second, found.scheduled_seconds) == (2, 10.0, 1.5)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:80", "localhost:1", "[::1]:8000", "LOCALHOST"])
def test_this_machine_may_be_asked(tmp_path: Path, host: str) -> None:
    assert request.read(written(tmp_path, GOOD | {"url": f"http://{host}/x"})).url


@pytest.mark.parametrize(
    "host",
    ["example.org", "10.0.0.1", "[::]", "127.0.0.1.example.org", "127.0.0.1@example.org", "localhost."],
)
def test_another_machine_may_not(tmp_path: Path, host: str) -> None:
    with pytest.raises(Bug, match="only servers on this machine are load-tested"):
        request.read(written(tmp_path, GOOD | {"url": f"http://{host}/x"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"users": 0}, r"`int` >= 1 - at `\$.users`"),
        ({"users": 1.5}, r"at `\$.users`"),
        ({"rate_per_second": 0}, r"at `\$.rate_per_second`"),
        ({"duration_seconds": 0}, r"at `\$.duration_seconds`"),
        ({"timeout_seconds": "1"}, r"at `\$.timeout_seconds`"),
        ({"tolerance": -1}, r"at `\$.tolerance`"),
        ({"warmup": 1}, "unknown field `warmup`"),
        ({"url": "https://127.0.0.1/x"}, "is no http:// URL"),
        ({"url": "127.0.0.1:80"}, "is no http:// URL"),
        ({"url": "http://127.0.0.1:99999/"}, "is none: "),
        ({"url": "http://[::1"}, "is none: "),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(Bug, match=said):
        request.read(written(tmp_path, GOOD | change))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(Bug, match="missing required field `seed`"):
        request.read(written(tmp_path, {key: value for key, value in GOOD.items() if key != "seed"}))


@pytest.mark.parametrize(("value", "said"), [({}, "`output`"), ({"output": "/no/such"}, "is no folder"), ([], "array")])
def test_a_request_without_a_place_for_results_is_refused(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(Bug, match=said):
        request.read_output(written(tmp_path, value))
