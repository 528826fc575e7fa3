"""What the API server would refuse later, or what would never end, is refused where it is written, by its key."""

import re
from typing import Any

import pytest

from mlagent.config.environments import SOAKING, Production, Staging

GOOD: dict[str, Any] = {"namespace": "risk"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"replicas": 3, "replicas_max": 2}, "replicas_max (2) is less than replicas (3)"),
        ({"settle_seconds": 60, "progress_seconds": 60}, "settle_seconds (60) reaches progress_seconds (60)"),
        ({"node_port": 30080}, "node_port goes with service: NodePort, and service is ClusterIP"),
        ({"ingress_tls": "cert"}, "ingress_class and ingress_tls go with ingress_host"),
        ({"prometheus": "prometheus:9090"}, "begins with neither http:// nor https://"),
        ({"capacity_per_second": 90}, "capacity_per_second goes with rate_per_second"),
        ({"secrets": {"TOKEN": "name"}}, "secrets: TOKEN: 'name' is not NAME/KEY"),
        ({"configuration": {"REGION": "UPPER/key"}}, "configuration: REGION: 'UPPER/key' is not NAME/KEY"),
        ({"variables": {"1ST": "x"}}, "variables: '1ST' names no environment variable"),
        ({"variables": {"MLAGENT_SERVING_VERSION": "9"}}, "are mlagent's own"),
        ({"variables": {"A": "x"}, "secrets": {"A": "name/key"}}, "A is set twice"),
        ({"tolerations": ("gpu",)}, "tolerations: 'gpu' is not KEY=VALUE:EFFECT"),
    ],
)
def test_what_cannot_be_is_named_by_its_key(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        Staging(**GOOD, **given)


def test_what_can_be_is_taken() -> None:
    Staging(
        **GOOD,
        replicas=2,
        replicas_max=2,
        service="NodePort",
        node_port=30080,
        ingress_host="risk.example",
        ingress_class="nginx",
        variables={"OMP_NUM_THREADS": "1"},
        configuration={"REGION": "risk-settings/region"},
        secrets={"TOKEN": "vault.risk/token_1"},
        tolerations=("dedicated=ml:NoSchedule", "nvidia.com/gpu:NoExecute"),
    )


def test_both_environments_have_the_same_keys_and_production_soaks_longer() -> None:
    assert Staging.__struct_fields__ == Production.__struct_fields__
    assert Production().soak_minutes > Staging().soak_minutes
    assert {"soak_minutes", "soak_p99_ms", "soak_wait_minutes"} <= SOAKING
