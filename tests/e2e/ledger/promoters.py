"""Promoters of a model as processes: its registry a real MLflow, its ledger in a real PostgreSQL."""

from pathlib import Path
from typing import Any, NamedTuple

from mlagent import adapters
from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.sealing import by, verified_by
from mlagent.config.images import Registry
from mlagent.config.ledger import Ledger
from mlagent.config.secret import Secret
from mlagent.config.sections import Tracking
from mlagent.core.ports.ledger import Entry
from mlagent.core.ports.signer import PublicKey
from mlagent.core.release import Release
from mlagent.engine.clock import now
from mlagent.ledger import checkpoint
from mlagent.ledger.anchors import Anchor, VersionTags, covers
from mlagent.ledger.history import standing
from mlagent.ledger.moves import Moves, labels, stamp, tag, version
from tests.parts.keys import Pair
from tests.promotion_house import House


class Place(NamedTuple):
    """Where a model is promoted, as each process is told of it; TEAM_MLFLOW and TEAM_LEDGER hold what is secret.

    Without a `pair` of keys of this `cosign`, what signs is the one of the tests.
    """

    model: str
    url: str
    user: str
    folder: Path
    pair: Pair | None = None
    cosign: str = ""


class Real(House):
    """The house on servers that processes share, opened by the product's own doors; without a cluster."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.model)
        self._folder = place.folder
        settings = Tracking(uri=place.url, username=place.user, password=Secret("env:TEAM_MLFLOW"))
        self.registry = adapters.registry(settings, place.folder, MemoryStore())
        self.ledger = adapters.ledger(Ledger(database=Secret("env:TEAM_LEDGER")), place.folder, MemoryStore())
        if place.pair:
            self._sign_with(place, place.pair)

    def _sign_with(self, place: Place, pair: Pair) -> None:
        key, password = (Secret(f"file:{file}") for file in (pair.private, pair.password))
        signer = adapters.signer(Registry(), place.folder, key=key, password=password, cosign=place.cosign)
        verifier = adapters.verifier(Registry(), place.folder, cosign=place.cosign)
        self.sign, self.good = by(signer), verified_by(verifier, {"ours": PublicKey(pair.public.read_text())})

    def founded(self) -> "Real":
        """With versions 1 to 4 in the registry; a server takes none without a file."""
        file = self._folder / "model.onnx"
        file.write_bytes(b"a network")
        for number in range(1, 5):
            self.registry.register(self.model, self.release(number).onnx, {}, file)
        return self

    def release(self, version: int, **other: Any) -> Release:
        """Each build pushed an image of its own."""
        image = f"registry.example/risk@sha256:{other.get('build', version * 10):064x}"
        return super().release(version, **({"image": image} | other))

    def now(self) -> str:
        """The time of day."""
        return now()

    def anchors(self) -> list[Anchor]:
        """The versions' tags."""
        return [VersionTags(self.registry, self.model)]

    def standing(self, environment: str) -> Entry | None:
        """The newest move."""
        return standing(self.ledger, self.model, environment)

    def lacks(self, entry: Entry) -> set[str]:
        """What of a move was not brought about; whoever ended one that was cut off anchored that beside their own."""
        number, environment = version(entry), entry.fact.environment
        assert number is not None
        tags, sealed, moves = self.tags(number), checkpoint.newest(self.ledger), Moves(self.ledger, self.model)
        wanted = labels(moves.by_version()[number], moves.highest(number))
        done = {
            "labels": wanted.items() <= tags.items(),
            "alias": self.alias(environment) == number,
            "tag": tags.get(tag(environment)) == stamp(entry),
            "sealed": sealed is not None and sealed.checkpoint.size >= entry.number,
            "anchored": any(covers(one.data, entry.number, signed=True) for one in self.anchors()[0].read()),
        }
        return {name for name, there in done.items() if not there}
