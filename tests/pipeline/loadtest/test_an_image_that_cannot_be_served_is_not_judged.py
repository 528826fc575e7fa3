"""The stage on an engine in memory: what keeps an image from being served is said, and is no verdict on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlagent import adapters
from mlagent.adapters.memory_engine import MemoryEngine, Program
from mlagent.config.images import Serving
from mlagent.core.context import Outputs
from mlagent.core.ports.engine import NoEngine, State
from tests import stub_image
from tests.loadtest_house import House, outcomes, three_numbers

PROGRAMS = {
    "serve": Program(lines=("starting",), ready=True),
    "eat": Program(lines=("starting",), state=State(exit_code=137, out_of_memory=True)),
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return three_numbers(tmp_path)


def run(
    house: House, monkeypatch: pytest.MonkeyPatch, command: str = "serve", engine: MemoryEngine | None = None
) -> Outputs:
    found = engine or MemoryEngine(PROGRAMS)

    @contextmanager
    def opened() -> Iterator[MemoryEngine]:
        yield found

    monkeypatch.setattr(adapters, "container_engine", opened)
    outputs = house.run(stub_image.make(house.root / "image", None, [command]), Serving(cpus=1, start_seconds=1))
    assert found.images == {}
    return outputs


def test_an_image_for_another_processor_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = run(house, monkeypatch, engine=MemoryEngine(PROGRAMS, platform="linux/arm64"))
    assert outputs.verdicts[0].outcome == "inconclusive"
    assert "the image is for linux/amd64, and the container engine here runs linux/arm64" in outputs.summary
    assert "package.platform" in outputs.hint


def test_an_engine_that_goes_away_meanwhile_says_nothing_of_the_image(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: object) -> State:
        raise NoEngine("no container engine answers: nobody listens there", hint="start it")

    monkeypatch.setattr("mlagent.adapters.memory_engine.MemoryServed.state", gone)
    outputs = run(house, monkeypatch)
    assert (outputs.verdicts[0].outcome, outputs.hint) == ("inconclusive", "start it")


def test_one_that_falls_at_once_fails(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine(PROGRAMS)
    assert outcomes(run(house, monkeypatch, "eat", engine)) == {"ends of the container": "fail"}
    assert engine.runs == ["r"]
    assert house.written == {"golden", "container"}
