"""How kind and the node that it makes are told what the tests want of a cluster; kind itself is a double here."""

import signal
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.parts.conftest import ENGINE, NAME, ROOT, Machine

NODE = f"{NAME}-control-plane"


def test_it_is_asked_for_one_of_our_name_by_our_file_on_the_tests_engine(bare: Machine) -> None:
    ended = bare.cluster("start")
    assert (ended.returncode, ended.stdout) == (0, f"{bare.kubeconfig}\n"), ended.stderr
    mine, file = ["--name", NAME], ["--config", str(ROOT / "tests/parts/kind.yaml")]
    create = ["create", "cluster", *mine, *file, "--kubeconfig", str(bare.kubeconfig), "--wait", "3m", ENGINE]
    assert bare.calls("kind") == [["get", "clusters", ENGINE], create]
    assert "Creating cluster" in ended.stderr
    assert bare.kubeconfig.parent.stat().st_mode & 0o077 == 0


def test_one_whose_node_has_ended_is_made_anew_and_the_image_of_a_node_may_be_named(bare: Machine) -> None:
    bare.must("start")
    (bare.node / "running").unlink()
    bare.env["MLAGENT_TEST_KIND_IMAGE"] = "mirror.example/kindest/node:v1.31.0"
    bare.must("start")
    assert [call[0] for call in bare.calls("kind")] == ["get", "create", "delete", "create"]
    assert bare.calls("kind")[-1][-3:-1] == ["--image", "mirror.example/kindest/node:v1.31.0"]


def test_only_ours_is_ended_and_once(bare: Machine) -> None:
    bare.must("start")
    other = bare.node.with_name("theirs")
    other.mkdir()
    bare.must("stop")
    delete = ["delete", "cluster", "--name", NAME, "--kubeconfig", str(bare.kubeconfig), ENGINE]
    assert bare.calls("kind")[2:] == [delete]
    assert other.exists()
    assert not bare.kubeconfig.exists()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://{bare.gateway}:15002", timeout=5)
    bare.must("stop")
    assert len(bare.calls("kind")) == 3


def test_somebody_elses_of_that_name_is_neither_used_nor_ended(bare: Machine) -> None:
    (bare.node / "etc").mkdir(parents=True)
    ended = bare.cluster("start")
    assert ended.returncode == 1
    assert f"`kind delete cluster --name {NAME}`" in ended.stderr
    bare.must("stop")
    assert {call[0] for call in bare.calls("kind")} == {"get"}
    assert bare.node.exists()


def test_a_kubeconfig_that_is_named_is_left_to_whoever_named_it(bare: Machine) -> None:
    ended = bare.cluster("start", MLAGENT_TEST_KUBECONFIG="/theirs")
    assert (ended.returncode, ended.stdout) == (0, "/theirs\n")
    assert bare.calls("kind") == []


def test_what_kind_says_is_heard_when_it_fails_and_what_it_left_is_ended(bare: Machine) -> None:
    (bare.folder / "no-image").touch()
    ended = bare.cluster("start")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "failed to pull image" in ended.stderr
    bare.node.mkdir(parents=True)
    bare.must("stop")
    assert not bare.node.exists()


def test_the_node_pulls_by_way_of_a_mirror_on_this_machine(running: Machine) -> None:
    hosts = tomllib.loads((running.node / "etc/containerd/certs.d/_default/hosts.toml").read_text())
    ((url, may),) = hosts["host"].items()
    assert url == f"http://{running.gateway}:15002"
    assert may == {"capabilities": ["pull", "resolve"]}
    assert urllib.request.urlopen(url, timeout=5).status == 200


def test_the_api_server_goes_with_its_manifest_and_comes_again(running: Machine) -> None:
    manifests = running.node / "etc/kubernetes/manifests"
    running.must("stop-api")
    running.must("stop-api")
    assert list(manifests.iterdir()) == []
    assert ["exec", NODE, "crictl", "stop", "--timeout", "1", "a91", ENGINE] in running.calls("docker")
    running.must("start-api")
    assert [path.name for path in manifests.iterdir()] == ["kube-apiserver.yaml"]
    assert running.calls("kubectl")[-1][:-1] == ["--kubeconfig", str(running.kubeconfig), "get", "--raw", "/readyz"]


def test_a_start_takes_one_that_runs_and_brings_back_what_a_killed_test_took_away(running: Machine) -> None:
    running.must("stop-api")
    assert running.must("start") == f"{running.kubeconfig}\n"
    assert [call[0] for call in running.calls("kind")].count("create") == 1
    assert (running.node / "etc/kubernetes/manifests/kube-apiserver.yaml").exists()


@pytest.fixture
def contained(running: Machine) -> Iterator[subprocess.Popen[bytes]]:
    """The first process of the API server's container, and of a pod's."""
    says = running.folder / "says"
    says.mkdir(exist_ok=True)
    with subprocess.Popen(["sleep", "60"]) as process:
        for name in ("a91", "b77"):
            (says / name).write_text(str(process.pid))
        yield process
        process.kill()


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0]


def test_the_api_server_falls_silent_and_goes_on(running: Machine, contained: subprocess.Popen[bytes]) -> None:
    running.must("hold-api")
    assert state(contained) == "T"
    running.must("free-api")
    assert state(contained) == "S"


def test_a_container_is_killed_and_the_time_is_told(running: Machine, contained: subprocess.Popen[bytes]) -> None:
    before = time.time()
    told = float(running.must("kill", "containerd://b77"))
    assert before < told < time.time()
    assert contained.wait(5) == -signal.SIGKILL
