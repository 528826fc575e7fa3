"""What a release is in a cluster: its objects, as they are applied, one after the other.

wanted       what is wanted, and which versions of the APIs the server has
pod          the pods' template, and the placement that it is
container    the server in it: what it is given, how it is asked how it is, how it ends
deployment   the Deployment
network      how it is reached, and by whom: Service, Ingress, NetworkPolicy
scale        how many there are: HorizontalPodAutoscaler, PodDisruptionBudget
move         the Deployment with another of its templates: the way back
quantity     amounts as Kubernetes writes them
manifests    all of it as YAML
"""

from mlagent.core.ports.cluster import Kind, Object
from mlagent.errors import ConfigError
from mlagent.rollout.objects import network, scale
from mlagent.rollout.objects.deployment import deployment
from mlagent.rollout.objects.manifests import to_yaml
from mlagent.rollout.objects.metadata import metadata
from mlagent.rollout.objects.move import SCALER, handover, moved
from mlagent.rollout.objects.pod import placement
from mlagent.rollout.objects.wanted import Served, Wanted, served

__all__ = [
    "SCALER",
    "Served",
    "Wanted",
    "handover",
    "moved",
    "placement",
    "render",
    "served",
    "to_yaml",
    "unwanted",
]
LONGEST = 63  # characters of a label's value


def render(wanted: Wanted, served: Served) -> tuple[Object, ...]:
    """All objects, in the order in which they are applied: who pods are and who reaches them before there are any.

    ConfigError (3) for a name that no Service can have, and where the server has no version of an API that we know.
    """
    _check(wanted)
    first = [_account(wanted), network.policy(wanted, served), network.service(wanted), scale.budget(wanted, served)]
    last = [scale.autoscaler(wanted, served)] if wanted.scaled else []
    if wanted.settings.ingress_host:
        last.append(network.ingress(wanted, served))
    return (*first, deployment(wanted), *last)


def unwanted(wanted: Wanted, served: Served) -> tuple[tuple[Kind, str], ...]:
    """What earlier settings may have left, and these do not want: no autoscaler, no Ingress.

    Delete the autoscaler before the Deployment has a number of pods of its own.
    """
    settings, found = wanted.settings, []
    if not wanted.scaled and served.autoscaling:
        found.append((Kind(served.autoscaling, "HorizontalPodAutoscaler"), wanted.model))
    if not settings.ingress_host and served.networking:
        found.append((Kind(served.networking, "Ingress"), wanted.model))
    return tuple(found)


def _account(wanted: Wanted) -> Object:
    """Of its own, so that nothing which others grant to the namespace's default one is granted to a model."""
    secret = wanted.settings.pull_secret
    pulled = {"imagePullSecrets": [{"name": secret}]} if secret else {}
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(wanted),
        "automountServiceAccountToken": False,
        **pulled,
    }


def _check(wanted: Wanted) -> None:
    """Refuse what the server would refuse with less to say."""
    model, instance = wanted.model, f"{wanted.model}-{wanted.environment}"
    if not model[:1].isalpha():
        raise ConfigError(
            f"project.name {model!r} begins with a digit, and no Service in Kubernetes may be called so",
            hint="give the project a name that begins with a letter",
        )
    if len(instance) > LONGEST:
        raise ConfigError(
            f"project.name {model!r} is too long for Kubernetes: {instance!r} has {len(instance)} characters,"
            f" and labels have {LONGEST} at most",
            hint=f"give the project a name of at most {LONGEST - len('-production')} characters",
        )
