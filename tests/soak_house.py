"""An environment in memory whose pods count requests, and what soaks in it: for the stage, and for commands."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from mlagent import adapters
from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.memory_cluster import MemoryCluster
from mlagent.config.environments import Staging
from mlagent.config.images import Registry
from mlagent.config.ledger import Ledger
from mlagent.config.redact import Redactor
from mlagent.core.context import Context, Outputs
from mlagent.core.ports.cluster import Replied
from mlagent.core.ports.ledger import entries
from mlagent.engine.log import open_log
from mlagent.rollout import names, place
from mlagent.rollout.hold import Clock
from mlagent.rollout.release import Placed
from mlagent.rollout.standing import Deployed, Standing
from mlagent.serving.metrics import Meter
from mlagent.stages import sign, soak
from tests.rollout_cluster import MODEL, Place
from tests.rollout_house import release

SETTINGS: Mapping[str, Any] = {"namespace": "risk-staging", "soak_minutes": 10.0, "progress_seconds": 20}


class House:
    """Versions 1 to 5 are registered; `counts` is how many requests and errors each pod of a version has counted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: Any) -> None:
        self.place, self.folder = Place(**programs), folder
        self.place.time = datetime.now(UTC) - timedelta(minutes=60)
        self.counts: dict[int, tuple[int, int]] = {}
        store = MemoryStore()
        self.registry, self.ledger = LocalRegistry(store), ObjectLedger(store)
        for version in range(1, 6):
            made = release(version)
            self.registry.register(MODEL, made.onnx, {})
            program = self.cluster.programs[made.image]
            self.cluster.programs[made.image] = msgspec.structs.replace(program, answer=self._answer(version))
        self.sections: dict[str, Any] = {"ledger": Ledger(), "sign": sign.Config(), "registry": Registry()}
        self.notes: dict[str, Any] = {}
        self.log = StringIO()
        self.patch(monkeypatch)

    @property
    def cluster(self) -> MemoryCluster:
        """The environment's."""
        return self.place.cluster

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The door leads to the cluster in memory, whose clock is the one that waits."""

        @contextmanager
        def opened(*_: object) -> Iterator[MemoryCluster]:
            yield self.cluster

        def seconds() -> float:
            return self.place.time.timestamp()

        clock = Clock(now=lambda: self.place.time, seconds=seconds, wait=self.place.wait)
        monkeypatch.setattr(adapters, "cluster", opened)
        driving: Any = place.driving
        monkeypatch.setitem(driving.__wrapped__.__kwdefaults__, "clock", clock)

    def _answer(self, version: int) -> Any:
        made = release(version)
        before = self.cluster.programs[made.image].answer

        def answer(port: int, path: str) -> Replied | None:
            if (port, path) != (names.METRICS_PORT, "/metrics"):
                return before(port, path)
            meter = Meter({"name": MODEL, "digest": made.onnx, "version": made.called}, ["/predict"])
            requests, errors = self.counts.get(version, (0, 0))
            for at in range(requests):
                meter.count("/predict", 500 if at < errors else 200, 0.002)
            return Replied(200, {}, meter.text(ready=True).encode())

        return answer

    def serve(self, *versions: int) -> Placed:
        """Bring them one after the other, each in the place of the one before, ten minutes apart."""
        placed = None
        for version in versions:
            placed = self.place.deploy(version, placed).state.target
            self.place.time += timedelta(minutes=10)
        assert placed is not None
        return placed

    def stands(self) -> Standing:
        """How it is."""
        return place.stands(self.cluster, MODEL, "staging")

    def soak(self, deployed: Placed | None, **settings: Any) -> Outputs:
        """One attempt of the stage, on what a deploy left."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        inputs = {}
        if deployed:
            told = Deployed(
                environment="staging", namespace="risk-staging", placed=deployed, image=deployed.release.digest
            )
            inputs["deployed@staging"] = self.folder / "deployed.json"
            inputs["deployed@staging"].write_bytes(msgspec.json.encode(told))
        given: dict[str, Any] = {**SETTINGS, "soak_requests_min": 100, **settings}
        return soak.STAGING.run(Staging(**given), inputs, self._context(work))

    def _context(self, work: Path) -> Context:
        def remember(notes: Mapping[str, Any]) -> None:
            self.notes = msgspec.json.decode(msgspec.json.encode(notes))

        made = SimpleNamespace(
            project=self.folder,
            sections=self.sections,
            work=work,
            registry=self.registry,
            ledger=self.ledger,
            origin=lambda: SimpleNamespace(who="build 7"),
            remember=remember,
            recall=lambda: self.notes,
            log=open_log("lines", Redactor(), self.log),
        )
        return cast("Context", made)

    def alias(self) -> int | None:
        """The version that the environment's alias points at."""
        found = self.registry.pointed(MODEL, "staging")
        return found.number if found else None

    def facts(self) -> list[tuple[str, int, str]]:
        """What the ledger says: what, the build it is about, who."""
        return [(one.fact.what, one.fact.build, one.fact.who) for one in entries(self.ledger)]
