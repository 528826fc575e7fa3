"""A request that is not in the contract starts nothing, and the error names the key."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlagent.errors import Bug
from mlagent.loadtest import request

GOOD: dict[str, Any] = {
    "targets": [{"name": "candidate", "url": "http://127.0.0.1:8000/v2/models/digits/infer"}],
    "pieces": [{"seconds": 0.5, "rate_per_second": 10, "kept": False}, {"seconds": 1, "rate_per_second": 20}],
    "golden": "golden.jsonl", "tolerance": 1e-4, "users": 2, "timeout_seconds": 1, "seed": 0, "output": "o",
}  # fmt: skip


def at(url: str) -> dict[str, Any]:
    return GOOD | {"targets": [{"name": "candidate", "url": url}]}


def piece(**changes: object) -> dict[str, Any]:
    return {"pieces": [{"seconds": 1, "rate_per_second": 1} | changes]}


def written(folder: Path, value: object) -> Path:
    path = folder / "request.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_a_good_request_is_read(tmp_path: Path) -> None:
    found = request.read(written(tmp_path, GOOD))
    assert (found.users, found.starts, found.scheduled_seconds, found.deadline) == (2, [0, 0.5, 1.5], 1.5, 2.5)
    assert found.golden_files == ["golden.jsonl"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:80", "localhost:1", "[::1]:8000", "LOCALHOST"])
def test_this_machine_may_be_asked(tmp_path: Path, host: str) -> None:
    assert request.read(written(tmp_path, at(f"http://{host}/x"))).targets


@pytest.mark.parametrize(
    "host",
    ["example.org", "10.0.0.1", "[::]", "127.0.0.1.example.org", "127.0.0.1@example.org", "localhost."],
)
def test_another_machine_may_not(tmp_path: Path, host: str) -> None:
    with pytest.raises(Bug, match="only servers on this machine are load-tested"):
        request.read(written(tmp_path, at(f"http://{host}/x")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"users": 0}, r"`int` >= 1 - at `\$.users`"),
        ({"users": 1.5}, r"at `\$.users`"),
        (piece(rate_per_second=0), r"at `\$.pieces\[0\].rate_per_second`"),
        (piece(seconds=0), r"at `\$.pieces\[0\].seconds`"),
        (piece(target=1), "a target beyond its 1"),
        (piece(seconds=86_400, rate_per_second=10_000), "about 864000000 requests"),
        ({"pieces": []}, r"at `\$.pieces`"),
        ({"targets": []}, r"at `\$.targets`"),
        ({"timeout_seconds": "1"}, r"at `\$.timeout_seconds`"),
        ({"tolerance": -1}, r"at `\$.tolerance`"),
        ({"warmup": 1}, "unknown field `warmup`"),
        ({"arrivals": "bursts"}, r"at `\$.arrivals`"),
        ({"processes": 3}, "2 users cannot be shared by 3 meter processes"),
        ({"processes": 0}, "2 users cannot be shared by 0 meter processes"),
        ({"processes": 1, "workers": {"host": "*", "port": 5557, "count": 2}}, "2 users cannot be shared by 3"),
        (at("ftp://127.0.0.1/x"), "is no http:// or https:// URL"),
        (at("127.0.0.1:80"), "is no http:// or https:// URL"),
        (at("http://127.0.0.1:99999/"), "is none: "),
        (at("http://[::1"), "is none: "),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(Bug, match=said):
        request.read(written(tmp_path, GOOD | change))


def test_another_machine_may_where_its_owner_said_so(tmp_path: Path) -> None:
    asked = at("https://Models.Example.org/x") | {"hosts": ["models.example.org"]}
    assert request.read(written(tmp_path, asked)).hosts == ("models.example.org",)
    with pytest.raises(Bug, match=r"'b\.example\.org'"):
        request.read(
            written(tmp_path, asked | {"targets": [*asked["targets"], {"name": "b", "url": "http://b.example.org"}]})
        )


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(Bug, match="missing required field `seed`"):
        request.read(written(tmp_path, {key: value for key, value in GOOD.items() if key != "seed"}))


@pytest.mark.parametrize(("value", "said"), [({}, "`output`"), ({"output": "/no/such"}, "is no folder"), ([], "array")])
def test_a_request_without_a_place_for_results_is_refused(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(Bug, match=said):
        request.read_output(written(tmp_path, value))
