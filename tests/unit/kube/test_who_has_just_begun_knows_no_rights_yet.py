"""An API server that has just begun refuses everybody everything for a moment: that is no missing right."""

from typing import Any

import pytest

from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.core.ports.cluster import Kind
from mlagent.errors import ConfigError, InfrastructureError
from tests.api_server_double import Answer, Double, status

CONFIG = Kind("v1", "ConfigMap")
ONE: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
MAY_NOT = 'forbidden: User "system:serviceaccount:risk:ci" cannot do that'
NO = status(403, MAY_NOT, "Forbidden")
UNREADY = Answer(500, b"[-]poststarthook/rbac/bootstrap-roles failed\nreadyz check failed\n", "text/plain")
READY = Answer(200, b"ok", "text/plain")


@pytest.fixture(autouse=True)
def allowed(double: Double) -> None:
    double.says("ConfigMap|configmaps", Answer(200, ONE))


def test_who_is_not_ready_is_waited_for(double: Double, cluster: KubeCluster) -> None:
    double.says("configmaps", NO)
    double.says("/readyz", UNREADY)
    with pytest.raises(InfrastructureError, match="refuses to get ConfigMap one") as no:
        cluster.get(CONFIG, "one")
    assert "has just begun, and knows nobody's rights yet" in no.value.message
    assert "/readyz" in no.value.hint


def test_who_refuses_even_to_say_whether_it_is_ready_is_waited_for_where_it_had_allowed_it(
    double: Double, cluster: KubeCluster
) -> None:
    assert cluster.get(CONFIG, "another") == ONE
    double.says(".", NO)
    with pytest.raises(InfrastructureError):
        cluster.get(CONFIG, "one")


def test_that_goes_for_what_it_serves_as_well(double: Double, cluster: KubeCluster) -> None:
    assert cluster.get(CONFIG, "one") == ONE
    double.says(".", NO)
    with pytest.raises(InfrastructureError):
        cluster.get(Kind("apps/v1", "Deployment"), "one")


def test_it_may_be_ready_by_the_time_that_it_is_asked(
    double: Double, cluster: KubeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = double.answer

    def turning(method: str, target: str) -> Answer:
        if target == "/readyz":
            double.says("configmaps", Answer(200, ONE))
        return before(method, target)

    double.says("configmaps", NO)
    double.says("/readyz", READY)
    monkeypatch.setattr(double, "answer", turning)
    assert cluster.get(CONFIG, "one") == ONE


@pytest.mark.parametrize("had", [True, False])
def test_a_right_that_is_missing_is_said_at_once_by_who_is_ready(
    double: Double, cluster: KubeCluster, *, had: bool
) -> None:
    if had:
        assert cluster.get(CONFIG, "one") == ONE
    double.says("configmaps", NO)
    double.says("/readyz", READY)
    with pytest.raises(ConfigError, match="does not let us get ConfigMap one"):
        cluster.get(CONFIG, "one")
    assert len(double.asked("/readyz")) == 1


def test_one_that_was_never_there_is_said_at_once_by_who_says_never_whether_it_is_ready(
    double: Double, cluster: KubeCluster
) -> None:
    assert cluster.get(CONFIG, "one") == ONE
    double.says("PATCH|/readyz", NO)
    with pytest.raises(ConfigError, match="does not let us patch ConfigMap one"):
        cluster.apply(ONE, "us")


def test_a_rule_of_the_cluster_and_a_pods_own_no_are_no_matter_of_rights(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(403, "exceeded quota: few", "Forbidden"))
    double.says("/proxy/", Answer(403, {"why": "you cannot"}))
    with pytest.raises(ConfigError, match="exceeded quota"):
        cluster.apply(ONE, "us")
    replied = cluster.ask("pod", 8080, "/metrics")
    assert replied is not None
    assert replied.status == 403
    assert double.asked("/readyz") == []
