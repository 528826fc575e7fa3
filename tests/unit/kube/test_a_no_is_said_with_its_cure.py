"""What the API server refuses ends as one of our errors: what happened, and which key or command helps."""

from typing import Any

import pytest

from mlagent.adapters.kube import link
from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.core.ports.cluster import FieldConflict, Kind
from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError
from tests.api_server_double import TOKEN, Answer, Double, status

CONFIG = Kind("v1", "ConfigMap")
ONE: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}
MAY_NOT = 'configmaps "one" is forbidden: User "system:serviceaccount:risk:ci" cannot patch resource "configmaps"'


def refused(cluster: KubeCluster, kind: type[MlagentError]) -> MlagentError:
    with pytest.raises(kind) as no:
        cluster.apply(ONE, "us")
    assert type(no.value) is kind
    assert no.value.hint
    return no.value


def test_a_token_that_is_not_taken_names_the_kubeconfig_and_the_context(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(401, "Unauthorized", "Unauthorized"))
    no = refused(cluster, ConfigError)
    assert "context shop" in no.message
    assert "kubeconfig" in no.message
    assert "staging.kubeconfig" in no.hint


def test_a_right_that_is_missing_is_named_with_the_command_that_prints_the_role(
    double: Double, cluster: KubeCluster
) -> None:
    double.says("PATCH", status(403, MAY_NOT, "Forbidden"))
    no = refused(cluster, ConfigError)
    assert "patch ConfigMap one in namespace risk" in no.message
    assert "system:serviceaccount:risk:ci" in no.message
    assert no.hint.startswith("`mlagent manifests rbac` prints")
    assert no.hint.endswith(" or name another in staging.kubeconfig")


def test_a_rule_of_the_cluster_is_no_missing_right(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(403, 'configmaps "one" is forbidden: exceeded quota: few', "Forbidden"))
    no = refused(cluster, ConfigError)
    assert "exceeded quota: few" in no.message
    assert "rbac" not in no.hint


def test_nobody_is_told_that_the_context_has_no_user(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(403, 'User "system:anonymous" cannot patch resource "configmaps"', "Forbidden"))
    assert "staging.context" in refused(cluster, ConfigError).hint


def test_a_namespace_that_is_not_there_is_named(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(404, 'namespaces "risk" not found', "NotFound", name="risk", kind="namespaces"))
    no = refused(cluster, ConfigError)
    assert "namespace risk is not there" in no.message
    assert "kubectl create namespace risk" in no.hint


def test_a_conflict_names_each_manager_and_field(double: Double, cluster: KubeCluster) -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl-edit" using v1', "field": ".data.a"},
        {"reason": "FieldManagerConflict", "message": 'conflict with "argocd"', "field": ".data.b"},
    ]
    double.says("PATCH", status(409, "Apply failed with 2 conflicts", "Conflict", causes=causes))
    no = refused(cluster, FieldConflict)
    assert 'data.a: conflict with "kubectl-edit" using v1; data.b: conflict with "argocd"' in no.message
    assert no.code == 21


def test_a_conflict_of_versions_is_worth_another_try(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(409, "the object has been modified", "Conflict"))
    assert refused(cluster, InfrastructureError).retryable


@pytest.mark.parametrize("code", [400, 422])
def test_an_object_that_is_invalid_names_its_fields(double: Double, cluster: KubeCluster, code: int) -> None:
    causes = [{"reason": "FieldValueInvalid", "message": "must be less than 9", "field": "data.a"}]
    double.says("PATCH", status(code, 'ConfigMap "one" is invalid', "Invalid", causes=causes))
    assert "data.a: must be less than 9" in refused(cluster, InputError).message


def test_a_field_that_old_servers_do_not_know_is_no_trouble_of_the_server(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", status(500, "failed to create typed patch object: .spec.x: field not declared in schema"))
    assert ".spec.x" in refused(cluster, InputError).message


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_worth_another_try_and_nobody_repeats_unseen(
    double: Double, cluster: KubeCluster, code: int
) -> None:
    double.says("PATCH", status(code, "etcdserver: request timed out"))
    assert "etcdserver: request timed out" in refused(cluster, InfrastructureError).message
    assert len(double.asked("PATCH")) == 1


def test_a_balancer_that_has_no_server_behind_it_is_worth_another_try(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", Answer(502, b"<html>Bad Gateway</html>", "text/html"))
    assert "502" in refused(cluster, InfrastructureError).message


def test_a_broken_connection_is_worth_another_try(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", Answer(0))
    assert "does not answer to patch ConfigMap one" in refused(cluster, InfrastructureError).message
    assert len(double.asked("PATCH")) == 1


def test_a_silent_server_is_not_waited_for_without_end(
    double: Double, cluster: KubeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.get(CONFIG, "one")
    monkeypatch.setattr(link, "READ_SECONDS", 0.2)
    double.says("GET", Answer(-1))
    with pytest.raises(InfrastructureError, match="does not answer to get ConfigMap one"):
        cluster.get(CONFIG, "one")


@pytest.mark.parametrize("answer", [Answer(302, b"", "text/html"), Answer(403, b"<html>log in</html>", "text/html")])
def test_a_page_in_the_place_of_an_answer_is_not_taken_for_one(
    double: Double, cluster: KubeCluster, answer: Answer
) -> None:
    double.says("PATCH", answer)
    assert "does not speak as an API server" in refused(cluster, ConfigError).message


def test_a_page_instead_of_an_object_or_of_the_list_of_kinds_is_not_read(double: Double, cluster: KubeCluster) -> None:
    double.says("PATCH", Answer(200, b"<html>welcome</html>", "text/html"))
    assert "does not speak as an API server" in refused(cluster, ConfigError).message
    double.says("/apis/apps/v1$", Answer(200, b"<html>welcome</html>", "text/html"))
    with pytest.raises(ConfigError, match="does not speak as an API server"):
        cluster.get(Kind("apps/v1", "Deployment"), "one")


def test_a_page_that_is_not_found_is_no_object_that_is_not_there(double: Double, cluster: KubeCluster) -> None:
    double.says("GET.*/configmaps/", Answer(404, b"nginx", "text/html"))
    with pytest.raises(ConfigError, match="does not speak as an API server"):
        cluster.get(CONFIG, "one")


@pytest.mark.parametrize("code", [401, 403, 409, 422, 500, 302])
def test_the_token_is_sent_and_stands_in_no_message(double: Double, cluster: KubeCluster, code: int) -> None:
    double.says("PATCH", status(code, f"who is Bearer {TOKEN}?", f"{TOKEN}"))
    with pytest.raises(MlagentError) as no:
        cluster.apply(ONE, "us")
    assert double.asked("PATCH")[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in f"{no.value.message} {no.value.hint} {no.value!r}"
    assert no.value.__cause__ is None
