"""An environment of the real cluster, in which a deployer with no more than its own role brings imitations."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mlagent import adapters
from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.config.environments import Staging
from mlagent.config.images import Serving
from mlagent.config.secret import Secret
from mlagent.core import digest
from mlagent.core.release import Release
from mlagent.rollout import roles
from mlagent.rollout.bring import Voice, bring
from mlagent.rollout.drive import Driven
from mlagent.rollout.objects import Wanted, to_yaml
from tests.cluster import house, images
from tests.parts.registry import PASSWORD, USER, Registry

MODEL = "imitation"
SMALL: dict[str, Any] = {
    "replicas": 2,
    "surge": "1",
    "settle_seconds": 0,
    "progress_seconds": 60,
    "patience_seconds": 60,
}


class Scene:
    """A namespace, its deployer's eyes and hands, and a registry of images."""

    def __init__(self, room: str, kubeconfig: Path, cluster: KubeCluster, registry: Registry, base: Path) -> None:
        self.room, self.kubeconfig, self.cluster = room, kubeconfig, cluster
        self._registry, self._base = registry, base
        self._images: dict[tuple[str, int], str] = {}

    def image(self, kind: str, version: int) -> str:
        """An imitation as pods name it, made and pushed once."""
        if (kind, version) not in self._images:
            folder = self.kubeconfig.parent / "images"
            self._images[kind, version] = images.push(kind, folder, self._base, self._registry, str(version))
        return self._images[kind, version]

    def wanted(
        self, kind: str = "serves", version: int = 1, *, image: str = "", memory_mb: int = 128, **settings: Any
    ) -> Wanted:
        """A release of an imitation, built as its version says."""
        release = Release(
            model=MODEL,
            image=image or self.image(kind, version),
            version=version,
            onnx=digest.of_bytes(str(version).encode()),
            build=version,
        )
        told = {"namespace": self.room, "pull_secret": "pull", "service": "NodePort"} | SMALL | settings
        serving = Serving(cpus=0.1, memory_mb=memory_mb)
        found = msgspec.convert(told, Staging)
        return Wanted(release=release, environment="staging", settings=found, serving=serving)

    def bring(self, wanted: Wanted, said: list[str], *, overwrite: bool = False) -> Driven:
        """Deploy it; what it tells is said."""
        return bring(self.cluster, wanted, Voice(who="tests", say=said.append), overwrite=overwrite)

    def comes(self, wanted: Wanted, *, overwrite: bool = False) -> Driven:
        """Deploy what must come."""
        said: list[str] = []
        driven = self.bring(wanted, said, overwrite=overwrite)
        assert driven.state.phase == "done", said
        return driven

    def live(self) -> dict[str, Any]:
        """The Deployment, by the administrator."""
        return house.admin_json("get", "deployment", MODEL, "-n", self.room)  # type: ignore[no-any-return]

    def serving(self) -> dict[str, int]:
        """How many pods are ready, by version."""
        return _ready(house.admin_json("get", "pods", "-n", self.room)["items"])

    def url(self) -> str:
        """Where the imitation is asked on this machine."""
        return f"{house.node_port(MODEL, self.room)}/predict"


@contextmanager
def scene(folder: Path, registry: Registry, base: Path) -> Iterator[Scene]:
    """Nothing serves there yet; all is gone after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    with house.namespace() as room:
        login = ("--docker-server", registry.host, "--docker-username", USER, "--docker-password", PASSWORD)
        house.admin("create", "secret", "docker-registry", "pull", *login, "-n", room)
        house.admin("apply", "--filename", "-", stdin=to_yaml(roles.render(room)))
        kubeconfig = house.kubeconfig_of(roles.DEPLOYER, room, folder)
        mine = Staging(namespace=room, kubeconfig=Secret(f"file:{kubeconfig}"))
        try:
            with adapters.cluster(mine, folder) as cluster:
                yield Scene(room, kubeconfig, cluster, registry, base)
        finally:
            wide = f"{roles.CAPACITY}-{room}"
            house.admin("delete", "clusterrole,clusterrolebinding", wide, "--ignore-not-found")


class Watch:
    """What callers had to live on, looked at several times a second from beginning to end."""

    def __init__(self) -> None:
        self.reached: list[int] = []  # addresses that the Service had
        self.ready: list[dict[str, int]] = []  # pods by version
        self.missed = 0  # looks while the API server was away

    def fewest(self, version: int) -> int:
        """Pods of a version that were ready, at the worst moment."""
        return min(one.get(str(version), 0) for one in self.ready)

    def look(self, room: str) -> None:
        """Once more, by the administrator."""
        told = house.kubectl("get", "pods,endpoints", "-n", room, "--output", "json", "--request-timeout=5s")
        if told.returncode != 0:
            self.missed += 1
            return
        items = msgspec.json.decode(told.stdout)["items"]
        (service,) = (one for one in items if one["kind"] == "Endpoints" and one["metadata"]["name"] == MODEL)
        self.reached.append(sum(len(part.get("addresses", ())) for part in service.get("subsets", ())))
        self.ready.append(_ready([one for one in items if one["kind"] == "Pod"]))


@contextmanager
def watching(scene: Scene) -> Iterator[Watch]:
    """Look all the time while the block runs."""
    watch, over = Watch(), threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            watch.look(scene.room)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()


def _ready(pods: list[dict[str, Any]]) -> dict[str, int]:
    """Those that are ready and not told to go, by the version in their label."""
    found: dict[str, int] = {}
    for one in pods:
        ready = any(it["type"] == "Ready" and it["status"] == "True" for it in one["status"].get("conditions", ()))
        if ready and not one["metadata"].get("deletionTimestamp"):
            version = one["metadata"]["labels"]["app.kubernetes.io/version"]
            found[version] = found.get(version, 0) + 1
    return found
