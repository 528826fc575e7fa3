"""The image under production's limits in a real container: what falls is told by its cause, and nothing is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest

from mlagent.adapters.engine.leftovers import IMAGES, LABEL, names
from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.config.images import Serving
from mlagent.core.ports.ledger import Fact
from tests import stub_image
from tests.conftest import Cli
from tests.e2e.conftest import record, states
from tests.loadtest_house import House, outcomes, three_numbers

SMALL = Serving(cpus=0.5, memory_mb=64, start_seconds=30)
SECRET = "hunter2-is-no-password"


@pytest.fixture(scope="module")
def client(engine: dict[str, str]) -> Iterator[docker.DockerClient]:
    client = docker.DockerClient(engine["DOCKER_HOST"])
    yield client
    client.close()


@pytest.fixture
def house(tmp_path: Path, engine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("DOCKER_HOST", engine["DOCKER_HOST"])
    return three_numbers(tmp_path)


@pytest.fixture
def tested(digits: Path, base: str) -> Path:
    """The finished project with an image, and a secret for the stage that comes after."""
    path = digits / "mlpipeline.yaml"
    registry = "registry:\n  repository: localhost:1/risk\n  username: team\n  password: env:TEAM_PASSWORD\n"
    path.write_text(f"{path.read_text()}\npackage:\n  base: {base}\n{registry}")
    return digits


def stub(tmp_path: Path, *command: str) -> stub_image.Image:
    return stub_image.make(tmp_path / "image", Path(os.environ["MLAGENT_TEST_BASE"]), list(command))


def left(client: docker.DockerClient, pid: int) -> list[str]:
    """What of a process is still with the engine."""
    mine = f"-p{pid}-"
    containers = [one.name for one in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)]
    networks = [one.name for one in client.networks.list(filters={"label": LABEL})]
    images = [one for one in names(client) if IMAGES in one]
    return [str(one) for one in (*containers, *networks, *images) if mine in one]


def start(project: Path, engine: dict[str, str]) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLAGENT_")}
    command = [sys.executable, "-m", "mlagent", "run", "--until", "load-test"]
    kept |= engine | {"TEAM_PASSWORD": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}
    return subprocess.Popen(command, cwd=project, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def container_of(client: docker.DockerClient, process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What the engine says of the container that a process serves in, once it runs."""
    end = time.monotonic() + 240
    while True:
        for one in client.containers.list(filters={"label": LABEL}, ignore_removed=True):
            if f"-p{process.pid}-" in str(one.name) and one.status == "running":
                return dict(one.attrs)
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_image_whose_server_is_not_the_models_is_told_by_its_answers_and_stood(
    house: House, client: docker.DockerClient, tmp_path: Path
) -> None:
    image = stub(tmp_path, "serve")
    outputs = house.run(image, SMALL)
    assert outcomes(outputs) == {
        "seconds until ready": "pass",
        "ends of the container": "pass",
        "golden rows not as expected": "fail",
    }
    (judged,) = outputs.verdicts
    assert (judged.inputs["image"], judged.inputs["image-config"]) == (image.manifest, image.config)
    assert judged.tools["docker"] == client.version()["Version"]
    assert judged.notes[0] == "served in a container with 0.5 cpus and 64 MiB"
    stood = json.loads((tmp_path / "work/container.json").read_bytes())
    assert 0 < stood["start_seconds"] < 30
    assert 0 < stood["memory_peak_mb"] < 64
    assert (tmp_path / "work/server.log").read_text() == "starting\nserving\n"
    assert left(client, os.getpid()) == []


def test_memory_that_runs_out_at_the_start_is_named_with_the_key_to_raise(
    house: House, client: docker.DockerClient, tmp_path: Path
) -> None:
    outputs = house.run(stub(tmp_path, "eat"), SMALL)
    assert outcomes(outputs) == {"ends of the container": "fail"}
    assert outputs.summary == "memory: the container was ended out of memory at 64 MiB"
    assert "serving.memory_mb" in outputs.hint
    assert outputs.verdicts[0].notes[1] == "answers, latency and errors are not judged: the container never got ready"
    assert left(client, os.getpid()) == []


def test_an_image_that_never_gets_ready_is_given_its_time_and_its_last_line_is_told(
    house: House, client: docker.DockerClient, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    outputs = house.run(stub(tmp_path, "sleep"), Serving(cpus=0.5, memory_mb=64, start_seconds=2))
    assert outcomes(outputs) == {"seconds until ready": "fail", "ends of the container": "pass"}
    assert "never ready: no answer 200 within 2 s; its last line: starting" in outputs.summary
    assert "serving.start_seconds" in outputs.hint
    assert "| starting" in capfd.readouterr().err
    assert left(client, os.getpid()) == []


def test_an_image_that_crashes_at_its_start_is_told_by_status_and_last_line(
    house: House, client: docker.DockerClient, tmp_path: Path
) -> None:
    outputs = house.run(stub(tmp_path, "crash", "3"), SMALL)
    assert outcomes(outputs) == {"ends of the container": "fail"}
    assert outputs.summary == "the container ended by itself with exit code 3; its last line: boom: no such model"
    assert left(client, os.getpid()) == []


def test_an_image_that_crashes_later_is_told_by_that_before_its_answers(
    house: House, client: docker.DockerClient, tmp_path: Path
) -> None:
    outputs = house.run(stub(tmp_path, "later"), SMALL)
    assert outcomes(outputs) == {
        "seconds until ready": "pass",
        "ends of the container": "fail",
        "golden rows not as expected": "fail",
    }
    assert "exit code 9; its last line: boom: a request too many" in outputs.summary
    assert "server.log has what it said" in outputs.hint
    assert left(client, os.getpid()) == []


def test_more_processors_than_the_machine_has_say_nothing_of_the_image(
    house: House, client: docker.DockerClient, tmp_path: Path
) -> None:
    outputs = house.run(stub(tmp_path, "serve"), Serving(cpus=256))
    assert outputs.verdicts[0].outcome == "inconclusive"
    assert "a server is given 256" in outputs.summary
    assert "serving.cpus" in outputs.hint
    assert left(client, os.getpid()) == []


def test_it_is_locked_down_shows_no_secret_and_a_signal_leaves_nothing(
    tested: Path, engine: dict[str, str], client: docker.DockerClient
) -> None:
    with start(tested, engine) as process:
        seen = container_of(client, process)
        [network] = seen["NetworkSettings"]["Networks"]
        options = client.networks.get(network).attrs["Options"]
        image = client.api.inspect_image(seen["Image"])
        argv = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[0]
    host = seen["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (10**9, 1 << 30, 1 << 30)
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert "no-new-privileges" in host["SecurityOpt"]
    assert (list(host["Tmpfs"]), host["PidsLimit"], seen["Config"]["User"]) == (["/tmp"], 512, "65532:65532")  # noqa: S108
    assert {one["HostIp"] for ports in host["PortBindings"].values() for one in ports} == {"127.0.0.1"}
    assert options == {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    assert seen["Config"]["Labels"]["mlagent.run"] in said
    assert SECRET not in json.dumps([seen, image]) + argv + said
    assert process.returncode == 143
    assert left(client, process.pid) == []


def test_what_a_killed_one_leaves_is_removed_by_the_next(
    tested: Path, cli: Cli, engine: dict[str, str], client: docker.DockerClient
) -> None:
    with start(tested, engine) as process:
        container_of(client, process)
        process.kill()
    assert len(left(client, process.pid)) == 3  # container, network, image
    ended = cli("run", "--until", "load-test", cwd=tested, env=engine)
    assert ended.returncode == 0, ended.stderr
    assert states(tested)["load-test"] == "done"
    assert left(client, process.pid) == []


def test_the_next_image_is_asked_beside_the_one_in_production(
    tested: Path, cli: Cli, engine: dict[str, str], client: docker.DockerClient
) -> None:
    path = tested / "mlpipeline.yaml"
    path.write_text(f"{path.read_text()}ledger:\n  file: ledger.jsonl\n")
    first = cli("run", "--until", "load-test", cwd=tested, env=engine)
    assert first.returncode == 0, first.stderr
    (before,) = record(tested)["stages"]["load-test"]["verdicts"]
    assert "judged by its limits alone, not beside production: nothing is in production" in before["notes"]
    promote(tested, before["inputs"]["image"])
    path.write_text(path.read_text().replace("  seed: 1 ", "  seed: 2 "))
    with start(tested, engine) as process:
        together = containers_at_once(client, process)
        said = process.communicate(timeout=240)[0]
    assert process.returncode == 0, said
    assert together == 2
    (judged,) = record(tested)["stages"]["load-test"]["verdicts"]
    assert judged["inputs"]["image"] != before["inputs"]["image"]
    assert not [note for note in judged["notes"] if "limits alone" in note]
    ratio = next(one for one in judged["checks"] if one["metric"] == "p99 against production")
    assert ratio["interval"][0] <= ratio["value"] <= ratio["interval"][1]
    assert left(client, process.pid) == []


def promote(project: Path, release: str) -> None:
    """Have the ledger say that an image came to production."""
    fact = Fact(
        what="promoted", model="digits", who="us", time=datetime.now(UTC).isoformat(timespec="milliseconds"),
        release=release, environment="production", build=1, details={},
    )  # fmt: skip
    LineLedger(project / "ledger.jsonl", lambda _: None).append(fact)


def containers_at_once(client: docker.DockerClient, process: "subprocess.Popen[str]") -> int:
    """The most containers that a process ran together, until it runs two or is over."""
    most = 0
    while process.poll() is None and most < 2:
        found = client.containers.list(filters={"label": LABEL}, ignore_removed=True)
        most = max(most, sum(f"-p{process.pid}-" in str(one.name) for one in found))
        time.sleep(0.1)
    return most


def test_without_an_engine_it_is_inconclusive_and_says_what_to_do(tested: Path, cli: Cli, tmp_path: Path) -> None:
    ended = cli("run", "--until", "load-test", cwd=tested, env={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert ended.returncode == 11
    assert "the image was not served: no container engine answers at unix://" in ended.stderr
    assert "there is none" in ended.stderr
    (judged,) = record(tested)["stages"]["load-test"]["verdicts"]
    assert (judged["outcome"], judged["checks"]) == ("inconclusive", [])
    assert json.loads((tested / ".mlagent/error.json").read_text())["category"] == "inconclusive"
