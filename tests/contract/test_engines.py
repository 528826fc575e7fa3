"""Whatever serves and builds images does it like this; the real engine is asked where one was made for the tests."""

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlagent import adapters
from mlagent.adapters import layout_server
from mlagent.adapters.memory_engine import MemoryEngine, Program
from mlagent.core.digest import of_file
from mlagent.core.ports.engine import BuildFailed, Engine, Limits, NoEngine, State
from mlagent.errors import InfrastructureError
from mlagent.loadtest import startup
from tests import stub_image
from tests.stub_image import Image

REAL = os.environ.get("MLAGENT_TEST_DOCKER_HOST")
BASE = Path(os.environ["MLAGENT_TEST_BASE"]) if REAL else None
PROGRAMS = {
    "serve": Program(lines=("starting", "serving"), ready=True, memory_mb=20.0),
    "crash": Program(lines=("starting", "boom: no such model"), state=State(exit_code=3)),
    "sleep": Program(lines=("starting",), memory_mb=20.0),
    "eat": Program(lines=("starting",), state=State(exit_code=137, out_of_memory=True)),
}
SMALL = Limits(cpus=1, memory_mb=64)


@pytest.fixture(params=["memory", "docker"] if REAL else ["memory"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    if request.param == "memory":
        yield MemoryEngine(PROGRAMS)
    else:
        monkeypatch.setenv("DOCKER_HOST", str(REAL))
        with adapters.container_engine() as found:
            yield found


@contextmanager
def held(engine: Engine, image: Image) -> Iterator[str]:
    """The engine has the image; the registry that gave it is gone."""
    with layout_server.serving(image.pieces) as host:
        taken = engine.pulled(host, image.manifest)
        name = taken.__enter__()
    try:
        yield name
    finally:
        taken.__exit__(None, None, None)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_it_says_who_it_is_and_what_it_has_to_give(engine: Engine) -> None:
    about = engine.about()
    assert about.version
    assert about.platform.startswith("linux/")
    assert about.cpus >= 1
    assert about.memory_mb > 64


def test_an_image_that_serves_gets_ready_and_runs_on(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, BASE, ["serve"])
    with held(engine, image) as name, engine.serving(name, SMALL, "r1") as served:
        assert startup.wait(served.metrics_url, lambda: served.state().exit_code is None, 60) is not None
        assert served.state() == State()
        assert 0 < (served.memory_mb() or 0) < 64
        assert list(served.said(1)) == ["serving"]


def test_an_image_is_given_the_variables_that_are_told(engine: Engine, tmp_path: Path) -> None:
    told = {"MLAGENT_SERVING_PROFILE": "latency", "MLAGENT_SERVING_QUEUE": "7"}
    given = Limits(cpus=1, memory_mb=64, variables=told)
    image = stub_image.make(tmp_path, BASE, ["serve"])
    with held(engine, image) as name, engine.serving(name, given, "r1") as served:
        assert startup.wait(served.metrics_url, lambda: served.state().exit_code is None, 60) is not None
        with urllib.request.urlopen(served.url, timeout=10) as answer:
            has = json.loads(answer.read())["env"]
        assert {name: has.get(name) for name in told} == told


def test_two_are_served_beside_each_other_and_one_that_ends_leaves_the_other(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, BASE, ["serve"])
    with held(engine, image) as name, engine.serving(name, SMALL, "r1") as first:
        with engine.serving(name, SMALL, "r1") as second:
            assert first.url != second.url
            assert startup.wait(first.metrics_url, lambda: first.state().exit_code is None, 60) is not None
            assert startup.wait(second.metrics_url, lambda: second.state().exit_code is None, 60) is not None
        assert first.state() == State()
        assert startup.wait(first.metrics_url, lambda: first.state().exit_code is None, 60) is not None


def test_an_image_that_crashes_says_with_what_status_and_what_it_said(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, BASE, ["crash", "3"])
    with held(engine, image) as name, engine.serving(name, SMALL, "r1") as served:
        assert startup.wait(served.metrics_url, lambda: served.state().exit_code is None, 60) is None
        until(lambda: served.state().exit_code is not None)
        assert served.state() == State(exit_code=3)
        assert not served.memory_mb()
        assert list(served.said(9)) == ["starting", "boom: no such model"]


def test_an_image_that_never_listens_runs_and_is_not_ready(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, BASE, ["sleep"])
    with held(engine, image) as name, engine.serving(name, SMALL, "r1") as served:
        assert startup.wait(served.metrics_url, lambda: served.state().exit_code is None, 0.5) is None
        assert served.state().exit_code is None


def test_an_image_that_takes_more_memory_than_it_is_given_is_ended_for_that(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, BASE, ["eat"])
    with held(engine, image) as name, engine.serving(name, SMALL, "r1") as served:
        until(lambda: served.state().exit_code is not None)
        assert served.state() == State(exit_code=137, out_of_memory=True)


def test_an_image_of_which_a_piece_is_missing_is_not_taken(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, None, ["serve"])
    left = {digest: path for digest, path in image.pieces.items() if digest != image.config}
    with (
        layout_server.serving(left) as host,
        pytest.raises(InfrastructureError, match="could not"),
        engine.pulled(host, image.manifest),
    ):
        pass


def test_a_piece_that_is_not_what_its_name_says_is_not_taken(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, None, ["serve"])
    config = image.pieces[image.config]
    config.write_bytes(config.read_bytes().replace(b"65532:65532", b"00000:00000"))
    with (
        layout_server.serving(image.pieces) as host,
        pytest.raises(InfrastructureError),
        engine.pulled(host, image.manifest),
    ):
        pass


def test_more_than_the_machine_has_is_not_given(engine: Engine, tmp_path: Path) -> None:
    image = stub_image.make(tmp_path, BASE, ["serve"])
    with (
        held(engine, image) as name,
        pytest.raises(NoEngine, match="this machine has"),
        engine.serving(name, Limits(cpus=256, memory_mb=64), "r1"),
    ):
        pass


def test_what_is_built_is_told_step_by_step_and_comes_out_in_pieces(engine: Engine, tmp_path: Path) -> None:
    context, out, said = tmp_path / "context", tmp_path / "out", list[str]()
    context.mkdir()
    out.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /srv/\nENTRYPOINT /srv/x\n")
    with engine.built(context, "Dockerfile", {}, "linux/amd64", said.append) as name:
        config, layers = engine.export(name, out)
    assert [line.partition(" : ")[2] for line in said if line.startswith("Step ")] == [
        "FROM scratch",
        "COPY . /srv/",
        "ENTRYPOINT /srv/x",
    ]
    assert json.loads(config.read_bytes())["rootfs"]["diff_ids"] == [of_file(one) for one in layers]
    assert len(layers) == 1


@pytest.mark.parametrize(("step", "given"), [("RUN false", True), ("BASE", False)])
def test_the_step_that_does_not_work_is_named(engine: Engine, tmp_path: Path, step: str, *, given: bool) -> None:
    base = stub_image.make(tmp_path / "base", BASE, ["serve"])
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN false\n")
    with (
        held(engine, base) as name,
        pytest.raises(BuildFailed, match=step),
        engine.built(tmp_path, "Dockerfile", {"BASE": name} if given else {}, "linux/amd64", lambda _line: None),
    ):
        pass
