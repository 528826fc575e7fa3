"""Without an engine it is said which was asked, why it cannot be used, and what brings one."""

import socket
import sys
from pathlib import Path

import pytest
import requests
from docker.errors import APIError, DockerException

from mlagent import adapters
from mlagent.adapters.engine import refusals
from mlagent.core.ports.engine import NoEngine
from mlagent.errors import InfrastructureError, MlagentError


def opened(monkeypatch: pytest.MonkeyPatch, address: str) -> NoEngine:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(NoEngine) as raised, adapters.container_engine():
        pass
    return raised.value


def told(error: Exception) -> MlagentError:
    with pytest.raises(MlagentError) as raised, refusals.told():
        raise error
    return raised.value


def test_no_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = opened(monkeypatch, f"unix://{tmp_path}/no.sock")
    assert error.message == f"no container engine answers at unix://{tmp_path}/no.sock: there is none"
    assert "docker.io" in error.hint


def test_a_socket_where_nobody_listens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/old.sock")
    error = opened(monkeypatch, f"unix://{tmp_path}/old.sock")
    assert error.message.endswith("nobody listens there")
    assert "systemctl start docker" in error.hint


@pytest.mark.parametrize("address", ["tcp://10.1.2.3:2376", "ssh://builder"])
def test_one_on_another_machine_is_not_even_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    error = opened(monkeypatch, address)
    assert f"{address} is not on this machine" in error.message
    assert "unset DOCKER_HOST" in error.hint


def test_a_socket_that_is_not_ours_to_ask() -> None:
    error = told(DockerException("Error while fetching server API version", PermissionError(13, "Permission denied")))
    assert error.message.endswith("this user may not ask it")
    assert "group docker" in error.hint


def test_an_answer_that_is_a_no_is_passed_on_with_the_disk_named_where_it_is_full() -> None:
    error = told(APIError("500", explanation="write /x: no space left on device"))
    assert type(error) is InfrastructureError
    assert error.message == "the container engine refused: write /x: no space left on device"
    assert "docker system df" in error.hint
    assert "journalctl" in told(APIError("500", explanation="something")).hint


def test_a_helper_that_keeps_logins_and_does_not_work_is_no_missing_engine() -> None:
    error = told(DockerException("Credentials store error: StoreError('docker-credential-x not installed')"))
    assert type(error) is InfrastructureError
    assert "credsStore" in error.hint


def test_an_engine_that_breaks_off_is_gone() -> None:
    assert isinstance(told(requests.ConnectionError("Connection aborted.")), NoEngine)


def test_our_own_errors_pass_as_they_are() -> None:
    error = NoEngine("x", hint="y")
    assert told(error) is error


def test_it_is_docker_that_is_named_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlagent.adapters.engine.docker", None)
    with pytest.raises(MlagentError, match="'docker' is not installed"), adapters.container_engine():
        pass
