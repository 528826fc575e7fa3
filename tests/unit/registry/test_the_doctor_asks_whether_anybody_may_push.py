"""A registry that takes a push from anybody is a finding that fails; one that cannot be asked is none."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.engine.doctor import Finding
from mlagent.engine.registry_check import NEED, examine_registry
from tests.certificates import Certificates
from tests.conftest import Cli
from tests.registry_server import PASSWORD, USER, Answer, Double, Fault, error

Examined = Callable[..., list[Finding]]


@pytest.fixture
def examined(tmp_path: Path) -> Examined:
    def examine(repository: str | None, **settings: Any) -> list[Finding]:
        registry = Registry(repository=repository, **settings)
        workspace: Any = SimpleNamespace(project=tmp_path, settings=SimpleNamespace(sections={"registry": registry}))
        return list(examine_registry(workspace))

    return examine


def test_a_registry_that_takes_a_push_from_anybody_is_missing_what_it_needs(examined: Examined, double: Double) -> None:
    (found,) = examined(f"{double.host}/acme/risk")
    assert (found.stage, found.need, found.state) == ("registry", NEED, "missing")
    assert f"anybody who reaches {double.host} may push to acme/risk" in found.detail
    assert double.uploads == {}


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_registry_that_asks_who_pushes_is_fine(examined: Examined, double: Double, tmp_path: Path, kind: str) -> None:
    double.login = kind
    (tmp_path / "password").write_text(PASSWORD)
    password = Secret("file:password", tmp_path)
    (found,) = examined(f"{double.host}/acme/risk", username=USER, password=password)
    assert found.state == "found"
    assert all("authorization" not in one.headers for one in double.seen)


@pytest.mark.parametrize("status", [401, 403])
def test_a_no_of_whatever_kind_is_fine(examined: Examined, double: Double, status: int) -> None:
    double.faults += [Fault("POST", "", error(status, "DENIED"))]
    assert examined(f"{double.host}/acme/risk")[0].state == "found"


def test_over_tls_it_is_asked_with_the_authority_of_the_section(
    examined: Examined, secure: Double, tls: Certificates
) -> None:
    assert examined(f"{secure.host}/acme/risk", ca=str(tls.ca))[0].state == "missing"
    (found,) = examined(f"{secure.host}/acme/risk")
    assert found.state == "optional"
    assert "could not be asked: the certificate of" in found.detail


def test_a_registry_that_fails_could_not_be_asked(examined: Examined, double: Double) -> None:
    double.faults.append(Fault("POST", "", Answer(400)))
    assert examined(f"{double.host}/acme/risk")[0].state == "optional"


def test_where_no_registry_is_named_nothing_is_asked(examined: Examined) -> None:
    assert examined(None) == []


def test_the_command_fails_with_it_and_asks_only_where_it_may(project: Path, cli: Cli, double: Double) -> None:
    path = project / "mlpipeline.yaml"
    path.write_text(f"{path.read_text()}registry:\n  repository: {double.host}/acme/risk\n")
    ended = cli("doctor", "--only", "registry", cwd=project)
    assert ended.returncode == 3
    assert "may push to acme/risk" in ended.stdout
    asked = len(double.seen)
    cli("doctor", "--only", "store", cwd=project)
    assert len(double.seen) == asked
