"""`mlagent load-test --url` in an empty folder: each way to end, with the server that ships and ones that do not."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from tests.conftest import Cli
from tests.loadtest_house import three_numbers

QUICK = (
    "--duration-seconds=1.5", "--warmup-seconds=0.2", "--rate-per-second=400", "--requests-min=100", "--p99-ms=4000",
    "--late-share-max=1", "--rate-reached-min=0", "--cpu-share-max=1", "--golden-rows=20",
)  # fmt: skip
TOKEN = "a-token-that-nobody-must-see"


class Served:
    """The shipped server as a process, with what it was told."""

    def __init__(self, root: Path, *options: str) -> None:
        """Start it, and wait until it answers."""
        house, ready = three_numbers(root), root / "ready.json"
        command = ["--model", str(house.root / "onnx"), "--signature", str(house.root / "signature"), "--name", "toy"]
        command += ["--port", "0", "--ready-file", str(ready), *options]
        self.process = subprocess.Popen([sys.executable, "-m", "mlagent.serving", *command])
        end = time.monotonic() + 30
        while not ready.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        self.url = str(json.loads(ready.read_text())["url"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("served"))
    yield found
    found.process.terminate()
    found.process.wait(20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def verdict(folder: Path) -> Any:
    return json.loads((folder / "load-test/verdict.json").read_text())


Load = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def load(cli: Cli, folder: Path, served: Served) -> Load:
    """Load a server (the shipped one) from an empty folder; with its environment."""

    def run(*more: str, url: str = served.url, **env: str) -> subprocess.CompletedProcess[str]:
        return cli("load-test", "--url", url, *QUICK, *more, cwd=folder, env=env)

    return run


def test_a_server_that_holds_the_service_level_ends_in_0_and_leaves_its_files(load: Load, folder: Path) -> None:
    ended = load()
    assert ended.returncode == 0, ended.stderr
    assert "p99 latency" in ended.stdout
    assert "kept in" in ended.stdout
    kept = {one.name for one in (folder / "load-test").iterdir()}
    assert {"golden.jsonl", "samples.npy", "result.json", "latency.json", "latency.hlog", "locust.html"} <= kept
    assert verdict(folder)["outcome"] == "pass"
    assert verdict(folder)["notes"][0].startswith("the server at http://127.0.0.1:")
    assert len((folder / "load-test/golden.jsonl").read_text().splitlines()) == 20
    assert [one.name for one in folder.iterdir()] == ["load-test"]


def test_a_broken_limit_ends_in_10(load: Load, folder: Path) -> None:
    ended = load("--p99-ms=0.001", "--output=elsewhere")
    assert ended.returncode == 10, ended.stderr
    assert "p99 latency" in ended.stderr
    assert json.loads((folder / "elsewhere/error.json").read_text())["exit_code"] == 10


def test_a_run_of_too_few_requests_is_invalid_and_ends_in_11(load: Load, folder: Path) -> None:
    ended = load("--requests-min=100000")
    assert ended.returncode == 11, ended.stderr
    assert verdict(folder)["outcome"] == "invalid"
    assert "invalid" in ended.stdout
    assert "is invalid" in ended.stderr


def test_what_an_earlier_load_left_does_not_stand_for_one_that_never_was(load: Load, folder: Path) -> None:
    (folder / "load-test").mkdir()
    for name in ("verdict.json", "capacity.json", "samples.npy", "golden.jsonl"):
        (folder / "load-test" / name).write_text("{}")
    assert load(url="http://127.0.0.1:9").returncode == 20
    left = {one.name for one in (folder / "load-test").iterdir()}
    assert left == {"error.json", "golden.jsonl"}  # which may be the input of the next


def test_golden_rows_of_a_file_are_held_against_what_is_answered(load: Load, folder: Path, served: Served) -> None:
    row = {"row": {"a": 0.1, "b": 0.2, "c": 0.3}, "expected": {"probabilities": [0.9, 0.9]}}
    (folder / "mine.jsonl").write_text(json.dumps(row))
    ended = load("--golden=mine.jsonl", url=f"{served.url}/predict")
    assert ended.returncode == 10, ended.stderr
    assert "of golden row 0 probabilities[0] is expected to be 0.9" in ended.stderr
    assert not (folder / "load-test/samples.npy").exists()


def test_a_body_of_ones_own_is_sent_to_whatever_route_is_named(load: Load, folder: Path, served: Served) -> None:
    (folder / "rows.json").write_text(json.dumps({"rows": [{"a": 0.1, "b": 0.2, "c": 0.3}] * 3}))
    ended = load("--body=rows.json", url=f"{served.url}/predict")
    assert ended.returncode == 0, ended.stderr
    (line,) = (folder / "load-test/golden.jsonl").read_text().splitlines()
    assert len(json.loads(line)["answer"]["rows"]) == 3


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--model=nobody"], 4, "the server has not a model 'nobody'"),
        (["--golden=none.jsonl"], 4, "golden rows cannot be read"),
        (["--body=none.json"], 4, "cannot be read"),
        (["--body=a", "--golden=b"], 2, "say both what is sent"),
        (["--url=ftp://127.0.0.1"], 2, "is no http:// or https:// URL"),
        (["--url=http://models.example.org"], 2, "which is another machine"),
        (["--url=http://u:p@127.0.0.1"], 2, "holds a login"),
        (["--url=http://127.0.0.1:99999"], 2, "is no URL"),
        (["--url=http://127.0.0.1:9"], 20, "no server answers at http://127.0.0.1:9"),
        (["--url=http://models.invalid", "--allow-host=models.invalid"], 20, "no server answers at"),
        (["--p99-ms=0"], 2, "p99-ms"),
        (["--processes=0"], 3, "nobody would ask"),
        (["--force"], 2, "--force goes without --url"),
        (["--token-file=none"], 4, "the token's file"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_code(load: Load, more: list[str], code: int, says: str) -> None:
    ended = load(*more)
    assert (ended.returncode, says in ended.stderr) == (code, True), ended.stderr
    assert ended.stderr.count("Traceback") == 0


def test_a_variable_that_is_wrong_is_a_configuration(load: Load) -> None:
    ended = load("--seed=1", MLAGENT_LOAD_TEST_USERS="none")
    assert (ended.returncode, "MLAGENT_LOAD_TEST_USERS" in ended.stderr) == (3, True)


def test_what_goes_with_a_url_is_refused_without_one(cli: Cli, folder: Path) -> None:
    ended = cli("load-test", "--model", "toy", cwd=folder)
    assert (ended.returncode, "--model goes with --url" in ended.stderr) == (2, True)
    assert cli("load-test", cwd=folder).returncode == 3  # no project here


def test_a_token_goes_along_from_its_file_and_is_shown_nowhere(load: Load, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "guarded").mkdir()
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    guarded = Served(tmp_path / "guarded", "--token-file", str(tmp_path / "token"))
    try:
        assert load(url=guarded.url).returncode == 4
        ended = load(f"--token-file={tmp_path / 'token'}", url=guarded.url)
    finally:
        guarded.process.terminate()
        guarded.process.wait(20)
    assert ended.returncode == 0, ended.stderr
    written = b"".join(one.read_bytes() for one in (folder / "load-test").iterdir())
    assert TOKEN.encode() not in written + (ended.stdout + ended.stderr).encode()


class Stranger:
    """A server by the protocol that is not ours: says what it is told to, and can go away in mid-load."""

    def __init__(self, models: list[str], *, documented: bool = False, **how: float) -> None:
        """Listen on a free port; it `leaves_after` so many requests.

        Each `slow_each`th answer takes 0.4 s; all take `seconds`, one after another.
        """
        self._how, self._asked, self._one_at_a_time = how, 0, threading.Lock()
        stranger = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/openapi.json" and documented:
                    self.give({"paths": {f"/v2/models/{quote(one)}/infer": {} for one in models}})
                elif unquote(self.path).removeprefix("/v2/models/") in models:
                    self.give({"name": "x", "inputs": [{"name": "x", "datatype": "BYTES", "shape": [-1, 2]}]})
                else:
                    self.give({"error": "none"}, 404)

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v2/repository/index":
                    listed = [{"name": one, "state": "READY"} for one in models] + [
                        {"name": "z", "state": "UNAVAILABLE"}
                    ]
                    self.give(listed if not documented else {"error": "none"}, 404 if documented else 200)
                    return
                asked = stranger.take_time()
                given = json.loads(data)["inputs"][0]
                self.give({"id": str(asked), "outputs": [{"name": "y", "shape": [1, 2], "data": given["data"]}]})

            def give(self, document: object, status: int = 200) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = stranger.closed

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                pass

        self.closed = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take_time(self) -> int:
        """Wait as it is told to, and count."""
        self._asked += 1
        asked = self._asked
        if asked == self._how.get("leaves_after", -1):
            threading.Thread(target=self.close).start()
        if asked % self._how.get("slow_each", asked + 1) == 0:
            time.sleep(0.4)
        if "seconds" in self._how:
            with self._one_at_a_time:
                time.sleep(self._how["seconds"])
        return asked

    def close(self) -> None:
        """Listen no more, and close each connection after its next answer."""
        if not self.closed:
            self.closed = True
            self._server.shutdown()
            self._thread.join()
            self._server.socket.close()


@pytest.fixture
def stranger() -> Iterator[Callable[..., Stranger]]:
    """Make strangers; all are closed in the end."""
    made: list[Stranger] = []

    def make(*models: str, **how: Any) -> Stranger:
        made.append(Stranger(list(models), **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("documented", [False, True])
def test_the_only_model_of_a_server_is_found_by_its_index_or_its_document(
    load: Load, stranger: Callable[..., Stranger], documented: bool
) -> None:
    ended = load("--rate-per-second=150", "--requests-min=50", url=stranger("a b", documented=documented).url)
    assert ended.returncode == 0, ended.stderr
    assert "/v2/models/a%20b/infer" in ended.stderr


def test_of_several_one_must_be_named_and_of_none_that_is_said(load: Load, stranger: Callable[..., Stranger]) -> None:
    several = load(url=stranger("a", "b").url)
    assert (several.returncode, "the server has 2 models: a, b" in several.stderr) == (4, True)
    none = load(url=stranger().url)
    assert (none.returncode, "does not say which models it has" in none.stderr) == (4, True)


def test_a_percentile_that_is_not_surely_on_one_side_of_its_limit_is_inconclusive_and_ends_in_11(
    load: Load, stranger: Callable[..., Stranger], folder: Path
) -> None:
    slow = ("--p99-ms=200", "--rate-per-second=150", "--duration-seconds=4", "--users=32", "--arrivals=constant")
    ended = load(*slow, url=stranger("a", slow_each=100).url)
    assert ended.returncode == 11, ended.stderr
    assert verdict(folder)["outcome"] == "inconclusive"
    assert "would decide" in ended.stderr or "no number of requests decides" in ended.stderr


def test_the_highest_rate_that_holds_is_looked_for_and_written_down(
    load: Load, stranger: Callable[..., Stranger], folder: Path
) -> None:
    ended = load(
        "--profile=capacity", "--capacity-from=40", "--capacity-resolution=0.5", "--capacity-repeats=1",
        "--rate-per-second=30", "--requests-min=30", "--duration-seconds=1", "--p99-ms=300", "--timeout-seconds=2",
        url=stranger("a", seconds=0.005).url,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads((folder / "load-test/capacity.json").read_text())
    assert 30 <= found["rate_per_second"] <= 200  # an answer takes 5 ms, one after another
    assert found["attempts"][-1]["rate"] == found["rate_per_second"]
    assert {one["outcome"] for one in found["attempts"]} >= {"pass", "fail"}
    assert (found["cpus"], found["memory_mb"]) == (None, None)
    assert "attempt 1: 40 requests/s" in ended.stderr


def test_a_server_that_goes_away_in_mid_load_is_no_slow_one_but_20(
    load: Load, stranger: Callable[..., Stranger], folder: Path
) -> None:
    ended = load("--rate-per-second=150", "--timeout-seconds=1", url=stranger("a", leaves_after=60).url)
    assert ended.returncode == 20, ended.stderr
    assert "no server answers at" in ended.stderr
    assert (folder / "load-test/samples.npy").exists()
