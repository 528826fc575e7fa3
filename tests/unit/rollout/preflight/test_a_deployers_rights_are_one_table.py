"""The role that is rendered gives what preflight asks for, and nothing wide."""

from typing import Any

import pytest

from mlagent.core.ports.cluster import Asked
from mlagent.rollout import roles


def given(role: Any) -> set[Asked]:
    """Every right that a role gives."""
    return {
        Asked(verb, group, resource, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def test_the_role_gives_all_that_is_asked_for_and_a_look_at_its_namespace() -> None:
    _, role, _ = roles.render("models", capacity=False)
    assert given(role) == {one for one, _ in roles.asked()} | {Asked("get", "", "namespaces", "models")}


def test_nothing_is_given_by_a_star_and_secrets_stay_closed() -> None:
    for role in (one for one in roles.render("models") if one["kind"].endswith("Role")):
        assert not {"*", "secrets", "roles", "rolebindings"} & {part for right in given(role) for part in right}


def test_what_is_allowed_in_the_whole_cluster_is_to_list_nodes_and_pods_and_only_if_wanted() -> None:
    wide = [one for one in roles.render("models") if "namespace" not in one["metadata"]]
    assert [one["kind"] for one in wide] == ["ClusterRole", "ClusterRoleBinding"]
    assert given(wide[0]) == {Asked("list", "", "nodes"), Asked("list", "", "pods")}
    assert all("namespace" in one["metadata"] for one in roles.render("models", capacity=False))
    other = [one["metadata"]["name"] for one in roles.render("others") if "namespace" not in one["metadata"]]
    assert not set(other) & {one["metadata"]["name"] for one in wide}


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_a_binding_gives_its_role_to_the_deployer_of_the_namespace_alone(kind: str) -> None:
    by_kind = {one["kind"]: one for one in roles.render("models")}
    bound = by_kind[f"{kind}Binding"]
    assert bound["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": kind,
        "name": by_kind[kind]["metadata"]["name"],
    }
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": roles.DEPLOYER, "namespace": "models"}]
    assert by_kind["ServiceAccount"]["metadata"]["name"] == roles.DEPLOYER
