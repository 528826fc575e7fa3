"""Which objects there are, in which order, and in which version of their API."""

import msgspec
import pytest

from mlagent.core.ports.cluster import Kind
from mlagent.errors import ConfigError
from mlagent.rollout import names
from mlagent.rollout.objects import Served, render, served, unwanted
from tests.unit.rollout.objects.releases import RELEASE, labels, rendered, wanted

OLD = Served(autoscaling="autoscaling/v2beta2", policy="policy/v1beta1")
ALWAYS = ["ServiceAccount", "NetworkPolicy", "Service", "PodDisruptionBudget", "Deployment"]


def test_all_there_is_before_pods_comes_before_them_and_what_needs_them_after() -> None:
    assert list(rendered(wanted())) == ALWAYS
    more = rendered(wanted(replicas_max=5, ingress_host="risk.example"))
    assert list(more) == [*ALWAYS, "HorizontalPodAutoscaler", "Ingress"]


def test_everything_is_called_as_the_model_and_labelled_as_recommended() -> None:
    for one in render(wanted(replicas_max=5, ingress_host="risk.example"), Served()):
        assert (one["metadata"]["name"], one["metadata"]["namespace"]) == ("risk", "models")
        assert labels(one).items() >= names.selector("risk").items()
        assert labels(one)["app.kubernetes.io/instance"] == "risk-staging"
    assert labels(rendered(wanted())["Deployment"])["app.kubernetes.io/version"] == "7"
    assert "app.kubernetes.io/version" not in labels(rendered(wanted())["Service"])


def test_a_rollout_never_takes_a_pod_before_its_successor_is_ready() -> None:
    spec = rendered(wanted(surge="2", progress_seconds=90))["Deployment"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 2}}
    assert spec["progressDeadlineSeconds"] == 90
    assert spec["selector"]["matchLabels"] == names.selector("risk")
    assert rendered(wanted())["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == "25%"


def test_under_an_autoscaler_the_deployment_names_no_number() -> None:
    assert rendered(wanted(replicas=3))["Deployment"]["spec"]["replicas"] == 3
    scaled = rendered(wanted(replicas=3, replicas_max=6, cpu_percent=50))
    assert "replicas" not in scaled["Deployment"]["spec"]
    spec = scaled["HorizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 6)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 50
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "risk"}


def test_a_service_is_of_the_type_that_is_set_and_leads_to_the_models_port_alone() -> None:
    spec = rendered(wanted(service="NodePort", node_port=30080))["Service"]["spec"]
    assert spec["type"] == "NodePort"
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "nodePort": 30080}]
    assert "nodePort" not in rendered(wanted(service="NodePort"))["Service"]["spec"]["ports"][0]


def test_an_ingress_has_the_host_the_class_and_the_certificate() -> None:
    spec = rendered(wanted(ingress_host="risk.example", ingress_class="nginx", ingress_tls="cert"))["Ingress"]["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"hosts": ["risk.example"], "secretName": "cert"}]
    (rule,) = spec["rules"]
    assert rule["host"] == "risk.example"
    assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "risk", "port": {"name": "http"}}
    assert set(rendered(wanted(ingress_host="risk.example"))["Ingress"]["spec"]) == {"rules"}


def test_a_node_is_emptied_pod_by_pod_and_one_replica_does_not_stop_that() -> None:
    for number in (1, 4):
        assert rendered(wanted(replicas=number))["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1


def test_versions_are_those_that_the_server_has_the_newest_first() -> None:
    old = {"autoscaling": ["v1", "v2beta1", "v2beta2"], "policy": ["v1beta1"], "networking.k8s.io": ["v1", "v1beta1"]}
    both = {"autoscaling": ["v2", "v2beta2", "v1"], "policy": ["v1beta1", "v1"], "networking.k8s.io": ["v1"]}
    assert served(lambda group: old[group]) == OLD
    assert served(lambda group: both[group]) == Served()
    found = rendered(wanted(replicas_max=5), OLD)
    assert found["HorizontalPodAutoscaler"]["apiVersion"] == "autoscaling/v2beta2"
    assert found["PodDisruptionBudget"]["apiVersion"] == "policy/v1beta1"


def test_a_version_that_is_not_there_is_missed_only_where_it_is_needed() -> None:
    without = served(lambda group: ["v1"] if group != "autoscaling" else ["v1", "v3"])
    assert without.autoscaling == ""
    assert "HorizontalPodAutoscaler" not in rendered(wanted(), without)
    with pytest.raises(ConfigError, match="neither autoscaling/v2 nor autoscaling/v2beta2") as caught:
        render(wanted(replicas_max=5), without)
    assert "kubectl api-versions" in caught.value.hint


def test_what_is_switched_off_is_named_for_deletion() -> None:
    scaler, ingress = Kind("autoscaling/v2beta2", "HorizontalPodAutoscaler"), Kind("networking.k8s.io/v1", "Ingress")
    assert unwanted(wanted(), OLD) == ((scaler, "risk"), (ingress, "risk"))
    assert unwanted(wanted(replicas_max=5), OLD) == ((ingress, "risk"),)
    assert unwanted(wanted(replicas_max=5, ingress_host="risk.example"), OLD) == ()
    assert unwanted(wanted(), Served(autoscaling="", networking="")) == ()


@pytest.mark.parametrize(("name", "said"), [("1risk", "begins with a digit"), ("r" * 60, "68 characters")])
def test_a_name_that_kubernetes_cannot_take_is_refused_before_it_is_asked(name: str, said: str) -> None:
    asked = wanted(release=msgspec.structs.replace(RELEASE, model=name))
    with pytest.raises(ConfigError, match=said) as caught:
        render(asked, Served())
    assert "give the project a name" in caught.value.hint
