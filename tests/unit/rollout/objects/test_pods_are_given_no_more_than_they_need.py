"""Rights, room and ways out: what a pod of ours has, and what it does not."""

import msgspec
import pytest

from mlagent.config.images import Serving
from tests.unit.rollout.objects.releases import container, pod, rendered, wanted


def test_a_server_is_nobody_and_writes_nowhere_but_in_tmp() -> None:
    asked = wanted()
    assert pod(asked)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(asked)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (volume,) = pod(asked)["volumes"]
    assert set(volume["emptyDir"]) == {"sizeLimit"}
    assert container(asked)["volumeMounts"] == [{"name": volume["name"], "mountPath": "/tmp"}]  # noqa: S108


def test_it_gets_no_token_of_the_cluster_and_hears_of_no_other_services() -> None:
    assert pod(wanted())["automountServiceAccountToken"] is False
    assert pod(wanted())["enableServiceLinks"] is False
    account = rendered(wanted(pull_secret="puller"))["ServiceAccount"]
    assert account["automountServiceAccountToken"] is False
    assert account["imagePullSecrets"] == [{"name": "puller"}]
    assert pod(wanted())["serviceAccountName"] == account["metadata"]["name"] == "risk"


def test_what_it_asks_for_is_what_the_load_test_gave_it_and_its_limit() -> None:
    given = container(wanted(given=Serving(cpus=1.5, memory_mb=2048), gpus=2))["resources"]
    assert given["requests"] == given["limits"] == {"cpu": "1500m", "memory": "2Gi", "nvidia.com/gpu": "2"}
    assert container(wanted())["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}


def test_with_gpus_it_bears_the_taint_that_nodes_with_gpus_have() -> None:
    gpu = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert "tolerations" not in pod(wanted())
    assert pod(wanted(gpus=1))["tolerations"] == [gpu]
    assert pod(wanted(gpus=1, tolerations=("nvidia.com/gpu:NoSchedule",)))["tolerations"] == [gpu]


def test_nodes_are_chosen_and_taints_borne_as_the_settings_say() -> None:
    found = pod(wanted(node_selector={"pool": "models"}, tolerations=("team=risk:NoSchedule", "spot:NoExecute")))
    assert found["nodeSelector"] == {"pool": "models"}
    assert found["tolerations"] == [
        {"key": "team", "operator": "Equal", "value": "risk", "effect": "NoSchedule"},
        {"key": "spot", "operator": "Exists", "effect": "NoExecute"},
    ]


def test_a_model_server_may_not_go_out_and_is_called_by_whom_the_settings_name() -> None:
    anybody = rendered(wanted())["NetworkPolicy"]["spec"]
    assert anybody["policyTypes"] == ["Ingress", "Egress"]
    assert anybody["egress"] == []
    assert [set(rule) for rule in anybody["ingress"]] == [{"ports"}, {"ports"}]
    http, metrics = rendered(wanted(callers=("web", "batch"), scrapers=("watch",)))["NetworkPolicy"]["spec"]["ingress"]
    assert _named(http) == ("http", ["batch", "web"])
    assert _named(metrics) == ("metrics", ["watch"])


def _named(rule: dict[str, list[dict[str, dict[str, list[dict[str, list[str]]]]]]]) -> tuple[object, list[str]]:
    (port,), (peer,) = rule["ports"], rule["from"]
    (wanted_label,) = peer["namespaceSelector"]["matchExpressions"]
    return port["port"], wanted_label["values"]


def test_secrets_and_configuration_come_by_reference_and_the_version_by_name() -> None:
    asked = wanted(
        variables={"OMP_NUM_THREADS": "1"}, configuration={"REGION": "risk/region"}, secrets={"TOKEN": "vault/a.b"}
    )
    assert container(asked)["env"] == [
        {"name": "MLAGENT_SERVING_VERSION", "value": "7"},
        {"name": "OMP_NUM_THREADS", "value": "1"},
        {"name": "REGION", "valueFrom": {"configMapKeyRef": {"name": "risk", "key": "region"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "vault", "key": "a.b"}}},
    ]


def test_it_is_told_how_to_use_what_it_is_given_as_in_the_load_test() -> None:
    given = Serving(profile="latency", queue=7)
    told = {one["name"]: one.get("value") for one in container(wanted(given=given))["env"]}
    assert told == {"MLAGENT_SERVING_VERSION": "7", **given.variables()}


def test_the_callers_token_is_a_file_of_the_secret_that_is_named_and_stands_nowhere_else() -> None:
    asked = wanted(token="risk-callers/bearer")
    _, volume = pod(asked)["volumes"]
    assert volume["secret"]["secretName"] == "risk-callers"
    assert volume["secret"]["items"] == [{"key": "bearer", "path": "token"}]
    _, mount = container(asked)["volumeMounts"]
    assert mount == {"name": volume["name"], "mountPath": "/var/run/mlagent", "readOnly": True}
    told = {one["name"]: one.get("value") for one in container(asked)["env"]}
    assert told["MLAGENT_SERVING_TOKEN_FILE"] == "/var/run/mlagent/token"
    with pytest.raises(msgspec.ValidationError, match="NAME/KEY"):
        wanted(token="risk-callers")
