"""What is there passes, what is not is named with its cure, what nobody may see is said to be unknown."""

import copy

import msgspec
import pytest

from mlagent.adapters.memory_cluster import Program
from mlagent.core.ports.cluster import Asked
from mlagent.errors import ConfigError, InfrastructureError
from mlagent.rollout.preflight import Finding, look, raise_unless_ready
from tests.unit.rollout.objects.releases import IMAGE, RELEASE, wanted
from tests.unit.rollout.preflight import clusters
from tests.unit.rollout.preflight.clusters import Walled, deny, found, put, serve


def test_a_cluster_with_all_that_is_needed_is_ready_and_stays_as_it_was() -> None:
    cluster = Walled()
    serve(cluster, wanted())
    before = copy.deepcopy(cluster.objects)
    findings = look(cluster, wanted(release=msgspec.structs.replace(RELEASE, version=8)))
    raise_unless_ready(findings)
    assert {one.what for one in findings if one.outcome != "pass"} == {"image"}
    assert cluster.objects == before


def test_a_namespace_that_is_not_there_is_all_that_is_said() -> None:
    cluster = Walled()
    del cluster.objects[clusters.NAMESPACE, "models"]
    (only,) = look(cluster, wanted())
    assert (only.what, only.outcome) == ("namespace models", "short")
    assert "kubectl create namespace models" in only.cure


def test_a_namespace_that_may_not_be_looked_at_is_unknown() -> None:
    cluster = Walled()
    cluster.denied.add(Asked("get", "", "namespaces", "models"))
    assert found(cluster, wanted())["namespace models"].outcome == "unknown"


def test_each_missing_right_is_named_by_verb_and_resource() -> None:
    cluster = Walled()
    cluster.denied |= {
        Asked("patch", "apps", "deployments"),
        Asked("delete", "apps", "deployments"),
        Asked("get", "", "pods/log"),
    }
    findings = found(cluster, wanted())
    assert findings["rights"].outcome == "short"
    assert "missing: patch, delete deployments.apps" in findings["rights"].found
    assert "pods/log" not in findings["rights"].found
    assert "get pods/log" in findings["rights to know more"].found
    assert findings["rights to know more"].outcome == "unknown"
    assert "mlagent manifests rbac" in findings["rights"].cure


def test_where_nothing_may_be_looked_at_the_rights_are_named_all_the_same() -> None:
    cluster = Walled([clusters.POD])
    deny(cluster, "deployments.apps", "pods")
    findings = found(cluster, wanted())
    assert "deployments.apps" in findings["rights"].found
    assert "get, list pods" in findings["rights"].found
    assert "nodes" not in findings


def test_an_error_with_all_rights_is_not_hidden() -> None:
    with pytest.raises(ConfigError, match="may not list Pod"):
        look(Walled([clusters.POD]), wanted())


def test_an_api_that_the_server_lacks_is_named() -> None:
    cluster = Walled()
    cluster.versions = lambda group: ("v1",) if group != "policy" else ()  # type: ignore[method-assign]
    objects = found(cluster, wanted())["objects"]
    assert objects.outcome == "short"
    assert "PodDisruptionBudget" in objects.found


def test_quotas_and_nodes_that_may_not_be_listed_are_unknown() -> None:
    findings = found(Walled([clusters.QUOTA, clusters.NODE]), wanted())
    assert (findings["quota"].outcome, findings["nodes"].outcome) == ("unknown", "unknown")
    assert "mlagent manifests rbac" in findings["nodes"].cure


def test_what_pods_refer_to_must_be_there_where_we_may_look() -> None:
    cluster = Walled()
    put(cluster, clusters.CONFIG_MAP, "risk", data={"region": "eu"})
    asked = wanted(
        configuration={"REGION": "risk/region", "ZONE": "risk/zone"}, secrets={"T": "vault/token"}, pull_secret="puller"
    )
    cluster.denied.add(Asked("get", "", "secrets", "vault"))
    findings = found(cluster, asked)
    assert findings["ConfigMap risk"].outcome == "short"
    assert findings["ConfigMap risk"].found == "has no zone"
    assert findings["Secret vault"].outcome == "unknown"
    assert findings["Secret puller"].outcome == "short"
    put(cluster, clusters.CONFIG_MAP, "risk", data={"region": "eu"}, binaryData={"zone": "YQ=="})
    put(cluster, clusters.SECRET, "puller", data={".dockerconfigjson": "e30="})
    findings = found(cluster, asked)
    assert (findings["ConfigMap risk"].outcome, findings["Secret puller"].outcome) == ("pass", "pass")


def test_an_image_that_every_node_has_needs_no_pull() -> None:
    cluster = Walled()
    assert found(cluster, wanted())["image"].outcome == "unknown"
    put(cluster, clusters.NODE, "n1", **clusters.node(images=[f"registry.example/risk@{IMAGE}"]))
    assert found(cluster, wanted())["image"].outcome == "pass"
    put(cluster, clusters.NODE, "n2", **clusters.node(closed=True))  # no pod comes there
    assert found(cluster, wanted())["image"].outcome == "pass"
    put(cluster, clusters.NODE, "n3", **clusters.node())
    assert found(cluster, wanted(pull_secret="p"))["image"].found.startswith("pulled by the Secret p")


def test_a_pod_that_runs_shows_that_single_pods_can_be_asked() -> None:
    cluster = Walled()
    assert found(cluster, wanted())["metrics port"].outcome == "unknown"
    serve(cluster, wanted())
    assert found(cluster, wanted())["metrics port"].outcome == "pass"
    cluster.ask = lambda *_, **__: None  # type: ignore[method-assign]
    silent = found(cluster, wanted())["metrics port"]
    assert silent.outcome == "short"
    assert "is ready and does not answer" in silent.found
    assert "prometheus" in silent.cure


def test_where_pods_may_not_be_asked_a_prometheus_must_be_named() -> None:
    cluster = Walled()
    deny(cluster, "pods/proxy")
    assert found(cluster, wanted())["metrics port"].outcome == "short"
    other = found(cluster, wanted(prometheus="http://prometheus.example"))["metrics port"]
    assert other.outcome == "unknown"
    assert "counters come from http://prometheus.example" in other.found


def test_pods_that_are_not_ready_are_not_asked() -> None:
    cluster = Walled()
    cluster.programs[RELEASE.image] = Program(wrong="unready")
    serve(cluster, wanted())
    assert found(cluster, wanted())["metrics port"].outcome == "unknown"


SHORT = Finding(what="quota", asked="2 more", found="1 left", outcome="short", cure="raise it")
FULL = Finding(what="nodes", asked="2 more", found="room for 1", outcome="short", cure="add nodes", passing=True)
UNKNOWN = Finding(what="image", asked="x", found="not seen", outcome="unknown", cure="wait")


def test_what_is_unknown_stops_nothing() -> None:
    raise_unless_ready([UNKNOWN])
    raise_unless_ready([])


def test_a_full_cluster_is_worth_another_try_and_a_wrong_setting_is_not() -> None:
    with pytest.raises(InfrastructureError, match="room for 1"):
        raise_unless_ready([UNKNOWN, FULL])
    with pytest.raises(ConfigError) as caught:
        raise_unless_ready([FULL, SHORT, SHORT])
    assert "1 left" in caught.value.message
    assert "room for 1" in caught.value.message
    assert "not seen" not in caught.value.message
    assert caught.value.hint == "add nodes; raise it"


def test_a_finding_is_one_line_with_its_cure() -> None:
    assert str(SHORT) == "quota: asked 2 more; 1 left (raise it)"
