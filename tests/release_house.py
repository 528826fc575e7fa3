"""A run whose release is recorded: a small evaluation, the stages before, and the stage as the engine calls it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mlagent.config.card import Card
from mlagent.config.images import Registry
from mlagent.config.sections import Data, Project
from mlagent.core.context import Context, Outputs
from mlagent.core.digest import canonical_json, of_bytes
from mlagent.core.ports.images import ImageRegistry
from mlagent.stages import release
from mlagent.trust import card, record
from tests.good_release import a_digest, done
from tests.signing_house import RUN, House

INTERVAL = {"value": 0.75, "low": 0.7, "high": 0.8}
GROUP = {"figures": {"selection_rate": 0.1, "tpr": 0.3}, "intervals": {"tpr": {"value": 0.3, "low": 0.2, "high": 0.4}}}
EVALUATION: dict[str, Any] = {
    "task": "binary",
    "rows": 1200,
    "level": 0.95,
    "threshold": 0.31,
    "threshold_by": "f1 0.5 on the validation part",
    "models": {
        "model": {
            "metrics": {"roc_auc": INTERVAL, "mcc": {"value": None, "low": None, "high": None}},
            "groups": {
                "Gender": {
                    "groups": [{"name": "F", "rows": 500, **GROUP}, {"name": "M", "rows": 700, **GROUP}],
                    "gaps": {"demographic_parity_difference": INTERVAL},
                    "undecided": [{"group": "F", "figure": "tpr", "reason": "3 labelled 1, 10 are needed"}],
                }
            },
            "slices": {
                "slices": [],
                "worst": {"roc_auc": {"column": "Car", "value": "old", "rows": 90, "metrics": {"roc_auc": INTERVAL}}},
                "small": 2,
            },
        }
    },
    "others": {"constant": {"roc_auc": {"value": 0.5, "low": 0.5, "high": 0.5}}},
    "absent": {"Gender": ["X"]},
}
SHAPE = {"columns": ["a"], "features": 1, "classes": 2, "encoding": [{"column": "age", "kind": "integer"}]}


class ReleaseHouse:
    """`house` made the image; what the stage remembers stays in `notes`, as in the run's record."""

    def __init__(
        self, folder: Path, host: str = "registry.example", *, pushed: bool = True, signed: bool = True
    ) -> None:
        self.house, self.pushed, self.signed = House(folder, host), pushed, signed
        self.notes: dict[str, Any] = {}
        self.evaluation, self.said = msgspec.json.encode(EVALUATION), Card()
        self.work = folder / "release"

    @property
    def digests(self) -> dict[str, str]:
        made = {name: one for stage in self.house.chain for name, one in stage.outputs.items()}
        return {**made, "evaluation": of_bytes(self.evaluation)}

    def inputs(self) -> dict[str, Path]:
        """What the stages before wrote; of a run without an image nothing that is about one."""
        found = {**self.house.inputs(), **self._more()}
        left = set() if self.pushed else {"image", "sbom", "pushed", "signed"}
        left |= set() if self.signed else {"signed"}
        return {name: path for name, path in found.items() if name not in left}

    def _more(self) -> dict[str, Path]:
        files = {
            "evaluation": self.evaluation,
            "shape": msgspec.json.encode(SHAPE),
            "signed": canonical_json({"image": str(self.house.image), "by": "key sha256:abc", "tag": "v3"}),
        }
        for name, data in files.items():
            (self.house.folder / f"in-{name}").write_bytes(data)
        return {name: self.house.folder / f"in-{name}" for name in files}

    def context(self, settings: Registry | None = None) -> Context:
        """As the engine gives it, an empty folder to write in."""
        self.work.mkdir(exist_ok=True)
        for one in self.work.iterdir():
            one.unlink()
        context = self.house.context(settings)
        sections = {
            **context.sections,
            "project": Project(name="risk"),
            "card": self.said,
            "data": Data(path="rows.csv", target="y", key="policy"),
        }
        found = {name: one for name, one in self.digests.items() if self.pushed or name not in ("image", "sbom")}
        chain = (*self.house.chain, done("sign", {"signed": a_digest("signed")}))
        more: Mapping[str, Any] = {"remember": self._remember, "recall": lambda: self.notes}
        return msgspec.structs.replace(
            context, work=self.work, sections=sections, digests=found, done=chain, run_id=RUN, **more
        )

    def _remember(self, notes: Mapping[str, Any]) -> None:
        self.notes = dict(notes)

    def run(self, settings: Registry | None = None) -> Outputs:
        """The stage, which finds its registry by itself."""
        return release.run(release.Config(), self.inputs(), self.context(settings))

    def write(self) -> record.Record:
        """The files alone; the record."""
        release.written(self.inputs(), self.context())
        return self.record

    def attach(self, images: ImageRegistry) -> bool:
        """Write, then attach to the image in a registry that is given; whether that was new."""
        inputs, context = self.inputs(), self.context()
        digest = release.written(inputs, context)
        return release.attached(images, self.house.image, digest, inputs, context)

    @property
    def record(self) -> record.Record:
        return record.read((self.work / record.FILE).read_bytes())

    @property
    def card(self) -> str:
        return (self.work / card.FILE).read_text()
