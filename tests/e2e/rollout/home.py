"""A pair of environments on the real cluster, and what `mlagent` is told of them: a deployer's own rights, no more."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.stores import open_store
from mlagent.core.ports.ledger import NOTE, Fact
from mlagent.engine.clock import now
from mlagent.rollout import names, roles
from tests.cluster import house
from tests.e2e.rollout.bed import MODEL, Bed, pull_secret

NEVER_REWRITTEN = {"blobs", "images"}  # folders whose files are named by their content


class Home(NamedTuple):
    """Both releases with a store of their own, two namespaces, and the environment of the commands."""

    bed: Bed
    one: Path
    two: Path
    store: Path
    staging: str
    production: str
    env: dict[str, str]

    def mlagent(self, project: Path, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """How `mlagent ARGS` ended, as the deployer."""
        return self.bed.mlagent(project, *args, env=self.env | (env or {}))

    def start(self, project: Path, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """The same, while it runs; its own end is up to the test."""
        whole, pipe = self.bed.env | self.env | (env or {}), subprocess.PIPE
        return subprocess.Popen(self.bed.command(*args), cwd=project, env=whole, stdout=pipe, stderr=pipe, text=True)

    def deploy(self, project: Path, environment: str = "staging", env: dict[str, str] | None = None) -> str:
        """What it said; it must have come."""
        ended = self.mlagent(project, "deploy", "--env", environment, env=env)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def renew(self) -> None:
        """Nobody has brought anything anywhere, as far as the order of builds goes: the first release may come again.

        The ledger tells of what serves, by whomever, so that nothing is there that it does not know.
        """
        shutil.rmtree(self.store)
        _copy(self.bed.one.parent / self.store.name, self.store)
        for environment in ("staging", "production"):
            namespace = self.namespace(environment)
            for live in house.admin_json("get", "deployments", "--namespace", namespace)["items"]:
                if live["metadata"]["name"] == MODEL:
                    self._adopt(live, environment)

    def _adopt(self, live: dict[str, Any], environment: str) -> None:
        """By a build before all others; the checkpoint on it is of a ledger that is gone."""
        house.admin("annotate", "deployment", MODEL, f"{NOTE}-", "--namespace", self.namespace(environment))
        release = live["spec"]["template"]["metadata"]["annotations"][names.IMAGE]
        fact = Fact(what="promoted", model=MODEL, who="tests", time=now(), release=release, environment=environment)
        ObjectLedger(open_store(self.store)).append(fact)

    def url(self, environment: str = "staging") -> str:
        """Where the model is asked on this machine, once something listens."""
        return f"{house.node_port(MODEL, self.namespace(environment))}/predict"

    def namespace(self, environment: str) -> str:
        """The environment's."""
        return self.staging if environment == "staging" else self.production

    def pods(self, environment: str = "staging") -> list[dict[str, Any]]:
        """Those that are there, also the leaving ones."""
        found = house.admin_json("get", "pods", "--namespace", self.namespace(environment))
        return found["items"]  # type: ignore[no-any-return]

    def body(self) -> str:
        """A request that both releases answer: a golden row of the first."""
        run = self.one / ".mlagent/runs" / self.bed.record(self.one)["run_id"]
        golden = json.loads((run / "load-test/golden.jsonl").read_text().splitlines()[0])
        return json.dumps({"rows": [golden["row"]]})


@contextmanager
def home(bed: Bed, folder: Path) -> Iterator[Home]:
    """Nothing serves there yet; all that is in the cluster is gone after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    one, two = (_copy(project, folder / project.name) for project in (bed.one, bed.two))
    store = _copy(bed.one.parent / "store", folder / "store")
    with of(bed, one, two, store, folder) as made:
        yield made


@contextmanager
def of(bed: Bed, one: Path, two: Path, store: Path, folder: Path) -> Iterator[Home]:
    """The same for projects and a store as they are, with nothing copied; the folder takes the kubeconfigs."""
    with ExitStack() as opened:
        staging, production = (opened.enter_context(house.namespace()) for _ in range(2))
        env = {"MLAGENT_STORE_URL": str(store), "MLAGENT_POLICY_FILE": str(bed.policy), "KUBECONFIG": os.devnull}
        made = Home(bed, one, two, store, staging, production, env)
        for environment, namespace in (("staging", staging), ("production", production)):
            pull = pull_secret(namespace, bed.registry)
            env |= _section(environment, NAMESPACE=namespace, PULL_SECRET=pull, SERVICE="NodePort", REPLICAS="2")
            env |= _section(environment, SOAK_MINUTES="0.1", SOAK_REQUESTS_MIN="0", SURGE="1", SETTLE_SECONDS="0")
            opened.callback(_forget, namespace)
            env |= _section(environment, KUBECONFIG=f"file:{_deployer(made, environment, folder)}")
        yield made


def _section(environment: str, **settings: str) -> dict[str, str]:
    return {f"MLAGENT_{environment.upper()}_{key}": value for key, value in settings.items()}


def _deployer(made: Home, environment: str, folder: Path) -> Path:
    """The account by which it deploys: made by who runs the cluster, from what the command prints."""
    namespace, printed = made.namespace(environment), made.mlagent(made.one, "manifests", "rbac", "--env", environment)
    assert printed.returncode == 0, printed.stderr
    house.admin("apply", "--filename", "-", stdin=printed.stdout)
    return house.kubeconfig_of(roles.DEPLOYER, namespace, folder)


def _forget(namespace: str) -> None:
    """What a namespace does not take with it."""
    house.admin("delete", "clusterrole,clusterrolebinding", f"{roles.CAPACITY}-{namespace}", "--ignore-not-found")


def _copy(source: Path, to: Path) -> Path:
    return Path(shutil.copytree(source, to, symlinks=True, copy_function=_one_file))


def _one_file(source: str, to: str) -> str:
    if NEVER_REWRITTEN & set(Path(source).parts):
        os.link(source, to)
    else:
        shutil.copy2(source, to)
    return to
