"""A registry, a ledger and a cluster in memory, in which versions of a model are promoted and go back."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.memory_cluster import MemoryCluster
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.adapters.sealing import by, verified_by
from mlagent.core.ports.ledger import Entry, entries
from mlagent.core.ports.signer import PublicKey
from mlagent.core.release import Release
from mlagent.ledger import guard, promotion
from mlagent.ledger.anchors import Anchor, Annotation, VersionTags
from mlagent.ledger.finding import Finding
from mlagent.ledger.promotion import Move, Settled
from mlagent.ledger.verification import Report, verify
from tests.rollout_cluster import manifest

MODEL = "risk"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class House:
    """Versions 1 to 4 of a model, made by builds 10 to 40; each question after the time moves it on by a second."""

    def __init__(self, model: str = MODEL) -> None:
        self.model, store = model, MemoryStore()
        self.registry: Any = LocalRegistry(store)
        self.ledger: Any = ObjectLedger(store)
        self.cluster: Any = MemoryCluster("risk-staging")
        self.cluster.apply(manifest(1), "mlagent")
        signer = MemorySigner(Board())
        self.sign: Any = by(signer)
        key = signer.by()
        assert isinstance(key, PublicKey)
        self.good = verified_by(signer, {"release": key})
        self._time, self._lock = START, threading.Lock()
        for version in range(1, 5):
            self.registry.register(self.model, self.release(version).onnx, {})

    def release(self, version: int, **other: Any) -> Release:
        """The version, in an image of its own."""
        plain: dict[str, Any] = {
            "model": self.model,
            "image": f"registry.example/risk@sha256:{version:064x}",
            "version": version,
            "onnx": f"sha256:{version + 1000:064x}",
            "build": version * 10,
            "run": f"{version:012x}",
        }
        return Release(**(plain | other))

    def now(self) -> str:
        """A second later each time."""
        with self._lock:
            self._time += timedelta(seconds=1)
            return self._time.isoformat(timespec="milliseconds")

    def anchors(self) -> list[Anchor]:
        """The versions' tags and the Deployment."""
        return [VersionTags(self.registry, self.model), Annotation(self.cluster, self.model)]

    def promotion(self, version: int, environment: str = "staging", who: str = "ann", **other: Any) -> Move:
        """That version comes, in pods."""
        release = self.release(version, **other)
        return Move(
            what="promoted",
            release=release,
            environment=environment,
            who=who,
            details={"placement": f"p{version}", "record": f"sha256:{version + 2000:064x}"},
            holds=(release.onnx,),
            deployed={"placement": f"p{version}", "namespace": f"risk-{environment}"},
        )

    def settle(self, move: Move) -> Settled:
        """As whoever promotes."""
        return promotion.settle(move, self.registry, self.ledger, self.anchors(), self.sign, self.now)

    def promote(self, version: int, environment: str = "staging", **other: Any) -> Settled:
        """Have it come."""
        return self.settle(self.promotion(version, environment, **other))

    def way_back(self, version: int, left: int, environment: str = "staging") -> Move:
        """It serves again."""
        return promotion.rolled_back(
            self.release(version), environment, "ann", left=self.release(left), reason="errors", placement=f"p{version}"
        )

    def back(self, version: int, left: int, environment: str = "staging") -> Settled:
        """Have it come again."""
        return self.settle(self.way_back(version, left, environment))

    def alias(self, environment: str = "staging") -> int | None:
        """The version that it points at."""
        found = self.registry.pointed(self.model, environment)
        return found.number if found else None

    def tags(self, version: int) -> dict[str, str]:
        """Of a version."""
        return dict(next(one.tags for one in self.registry.versions(self.model) if one.number == version))

    def entries(self) -> list[Entry]:
        """All of the ledger."""
        return list(entries(self.ledger))

    def facts(self) -> list[tuple[str, str, int]]:
        """What happened where to which build."""
        return [(one.fact.what, one.fact.environment, one.fact.build) for one in self.entries()]

    def moves(self) -> list[tuple[str, str, int]]:
        """The moves among them."""
        return [one for one in self.facts() if one[0] in ("promoted", "rolled-back")]

    def report(self) -> Report:
        """The ledger against all checkpoints."""
        anchored = [one for anchor in self.anchors() for one in anchor.read()]
        return verify(self.ledger, anchored, self.good)

    def found(self, **other: Any) -> tuple[Finding, ...]:
        """What the guard finds."""
        return guard.findings(self.ledger, self.registry, self.model, report=self.report(), **other)
