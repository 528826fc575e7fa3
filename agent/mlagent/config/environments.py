"""The sections `staging:` and `production:`: where a release runs, how it comes there, and what it must show there."""

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret

ENVIRONMENTS = ("staging", "production")
_REFERENCE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+")
_TOLERATION = re.compile(r"[^\s=:]+(=[^\s=:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DNS = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class Staging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first environment: nothing reaches production that has not soaked here."""

    LEFT_OUT: ClassVar = {"approval", "kubeconfig", "context", "patience_seconds", "progress_seconds", "prometheus"}

    namespace: Annotated[
        Annotated[str, Meta(pattern=_DNS)] | None,
        Meta(description="A namespace that is there (small letters, digits, hyphens); null: nothing is deployed here."),
    ] = None
    approval: Annotated[
        bool, Meta(description="Asks for the policy's approvals here though there is no namespace, for `promote`.")
    ] = False
    context: Annotated[str | None, Meta(description="The context of the kubeconfig; null takes its current one.")] = (
        None
    )
    kubeconfig: Annotated[
        Secret | None,
        Meta(description="The kubeconfig's text, as a reference; null: KUBECONFIG, ~/.kube/config, or the pod's own."),
    ] = None
    replicas: Annotated[
        Annotated[int, Meta(ge=1, le=1000)] | None,
        Meta(description="Pods that serve; the fewest, under an autoscaler; null: by rate_per_second, else 2."),
    ] = None
    rate_per_second: Annotated[
        Annotated[float, Meta(gt=0, le=10_000_000)] | None,
        Meta(description="The highest rate expected here; with the capacity of one pod it gives replicas, 2 at least."),
    ] = None
    capacity_per_second: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000)] | None,
        Meta(description="The rate that one pod holds; null: as this run's load test found it (profile capacity)."),
    ] = None
    replicas_max: Annotated[
        Annotated[int, Meta(ge=2, le=1000)] | None,
        Meta(description="The most pods: sets an autoscaler (HPA) up; null has a fixed number."),
    ] = None
    cpu_percent: Annotated[
        int, Meta(ge=1, le=100, description="The autoscaler keeps the use of serving.cpus about here.")
    ] = 70
    strategy: Annotated[
        Literal["rolling"], Meta(description="How a release comes: pod by pod, a new one ready before an old one goes.")
    ] = "rolling"
    surge: Annotated[
        str, Meta(pattern=r"^([1-9]\d{0,3}|[1-9]\d?%|100%)$", description="Pods more than wanted meanwhile: 1, or 25%.")
    ] = "25%"
    settle_seconds: Annotated[
        int,
        Meta(
            ge=0, le=3600, description="A new pod must be ready for so long, and answer well, before an old one goes."
        ),
    ] = 5
    progress_seconds: Annotated[
        int, Meta(ge=10, le=86_400, description="No pod got ready for so long: the rollout is undone.")
    ] = 600
    patience_seconds: Annotated[
        int, Meta(ge=0, le=86_400, description="How long an API server that does not answer is waited for.")
    ] = 300
    drain_seconds: Annotated[
        int, Meta(ge=0, le=3600, description="A pod goes on serving for so long after it is told to go.")
    ] = 3
    service: Annotated[
        Literal["ClusterIP", "NodePort", "LoadBalancer"], Meta(description="How the Service is reached.")
    ] = "ClusterIP"
    node_port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)] | None, Meta(description="With NodePort: which one; null takes any.")
    ] = None
    ingress_host: Annotated[str | None, Meta(description="Sets up an Ingress for this host name.")] = None
    ingress_class: Annotated[str | None, Meta(description="The Ingress's class; null takes the cluster's default.")] = (
        None
    )
    ingress_tls: Annotated[str | None, Meta(description="The Secret that holds the Ingress's certificate.")] = None
    variables: Annotated[
        dict[str, str],
        Meta(description="Environment variables of the server, none of them secret: {OMP_NUM_THREADS: 1}."),
    ] = {}
    configuration: Annotated[
        dict[str, str], Meta(description="Variables from ConfigMaps that are there: {REGION: NAME/KEY}.")
    ] = {}
    secrets: Annotated[
        dict[str, str], Meta(description="Variables from Secrets that are there: {TOKEN: NAME/KEY}.")
    ] = {}
    token: Annotated[
        str | None,
        Meta(
            description="The Secret that is there, NAME/KEY, with the bearer token callers must send; null: none must."
        ),
    ] = None
    pull_secret: Annotated[
        str | None, Meta(description="The Secret by which nodes may pull the image; null: none is needed.")
    ] = None
    gpus: Annotated[int, Meta(ge=0, le=64, description="GPUs (nvidia.com/gpu) a pod; 0: none.")] = 0
    node_selector: Annotated[
        dict[str, str], Meta(description="Labels of the nodes it may run on: {accelerator: nvidia}.")
    ] = {}
    tolerations: Annotated[
        tuple[str, ...], Meta(description="Taints it tolerates, as `kubectl taint` writes them: KEY=VALUE:NoSchedule.")
    ] = ()
    callers: Annotated[
        tuple[str, ...], Meta(description="Namespaces whose pods may call the model; none named: all may.")
    ] = ()
    scrapers: Annotated[
        tuple[str, ...], Meta(description="Namespaces whose pods may read its metrics; none named: all may.")
    ] = ()
    prometheus: Annotated[
        str | None, Meta(description="A Prometheus to read the pods' counters from, instead of the pods themselves.")
    ] = None
    soak_minutes: Annotated[
        float, Meta(ge=0, le=43_200, description="How long a release serves before it is judged.")
    ] = 10.0
    soak_requests_min: Annotated[int, Meta(ge=0, description="Fewer requests than this say nothing: inconclusive.")] = (
        100
    )
    soak_error_rate_max: Annotated[
        float, Meta(ge=0, le=1, description="The share of requests that may fail (5xx), while it comes and after.")
    ] = 0.01
    soak_p99_ms: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="The 99th percentile of latency in the server, in milliseconds; null sets no limit."),
    ] = None
    soak_restarts_max: Annotated[int, Meta(ge=0, description="How many restarts of its containers are borne.")] = 0
    soak_wait_minutes: Annotated[
        float, Meta(ge=0, le=43_200, description="How long a build in Jenkins waits for the soak, on no node.")
    ] = 60.0

    def __post_init__(self) -> None:
        """Refuse what the API server would refuse later, and what would never end."""
        for message in (*_numbers(self), *_references(self), *_taints(self)):
            raise ValueError(message)


class Production(Staging, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last environment; the same keys, and staging's must be set as well."""

    soak_minutes: Annotated[
        float, Meta(ge=0, le=43_200, description="How long a release serves before it is judged.")
    ] = 60.0


Environment = Staging
"""What both have."""


def _numbers(section: Staging) -> Iterator[str]:
    if section.replicas_max is not None and section.replicas and section.replicas_max < section.replicas:
        yield f"replicas_max ({section.replicas_max}) is less than replicas ({section.replicas})"
    if section.capacity_per_second is not None and section.rate_per_second is None:
        yield "capacity_per_second goes with rate_per_second: name the rate that is expected"
    if section.settle_seconds >= section.progress_seconds:
        yield f"settle_seconds ({section.settle_seconds}) reaches progress_seconds ({section.progress_seconds})"
    if section.node_port is not None and section.service != "NodePort":
        yield f"node_port goes with service: NodePort, and service is {section.service}"
    if (section.ingress_class or section.ingress_tls) and not section.ingress_host:
        yield "ingress_class and ingress_tls go with ingress_host: name the host"
    if section.prometheus is not None and urlsplit(section.prometheus).scheme not in ("http", "https"):
        yield f"prometheus {section.prometheus!r} begins with neither http:// nor https://"


def _references(section: Staging) -> Iterator[str]:
    for key in ("configuration", "secrets"):
        for variable, reference in getattr(section, key).items():
            if not _REFERENCE.fullmatch(reference):
                yield f"{key}: {variable}: {reference!r} is not NAME/KEY, as in risk-settings/region"
    if section.token is not None and not _REFERENCE.fullmatch(section.token):
        yield f"token: {section.token!r} is not NAME/KEY of a Secret, as in risk-callers/token"
    for key in ("variables", "configuration", "secrets"):
        for variable in getattr(section, key):
            if not _VARIABLE.fullmatch(variable):
                yield f"{key}: {variable!r} names no environment variable: letters, digits and _"
            elif variable.startswith("MLAGENT_"):
                yield f"{key}: {variable}: names that begin with MLAGENT_ are mlagent's own"
    named = [*section.variables, *section.configuration, *section.secrets]
    for variable in dict.fromkeys(one for one in named if named.count(one) > 1):
        yield f"{variable} is set twice, in two of variables, configuration and secrets: choose one"


def _taints(section: Staging) -> Iterator[str]:
    for one in section.tolerations:
        if not _TOLERATION.fullmatch(one):
            yield f"tolerations: {one!r} is not KEY=VALUE:EFFECT, with NoSchedule, PreferNoSchedule or NoExecute"


SOAKING = frozenset(name for name in Staging.__struct_fields__ if name.startswith("soak_"))
"""The keys that say how a release soaks."""
