"""A chain whose runs have something to tell, what a ledger then says, and one that fails now and then."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.stores.local import LocalStore
from mlagent.core import digest
from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.core.ports.ledger import Fact, entries
from mlagent.core.verdict import check, verdict
from mlagent.errors import InfrastructureError
from tests.unit.engine.chain import Knob, stage

ASKED = ("append", "about", "next_build")  # what an engine asks of a ledger


def judge(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Pass, unless the knob is turned below 0."""
    one = check("size", config.knob, ">=", 0, samples=3)
    return Outputs(summary="judged", verdicts=(verdict("size", [one], inputs=ctx.digests, tools={}),))


def measure(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Read the file `load` of the project; nothing was measured where it is not there."""
    path = ctx.project / "load"
    one = check("load", float(path.read_text()) if path.exists() else None, "<=", 1, samples=3)
    return Outputs(summary="measured", verdicts=(verdict("load", [one], inputs=ctx.digests, tools={}),))


def look(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Say how many rows there are, as a profile does."""
    rows = (ctx.project / "data.csv").read_text().count("\n") - 1
    (ctx.work / "profile.json").write_text(f'{{"rows": {rows}}}')
    return Outputs(summary="looked")


PROFILE = stage("look", look, facts=("data",), writes=(Artifact("profile", "profile.json", "what the rows are"),))
EXPORT = stage("export", reads=("profile",), writes=(Artifact("onnx", "export.txt", "a model"),))
GATE = stage("gate", judge, reads=("onnx",), accepts="profile")
METER = stage("meter", measure, effect="observe", reads=("onnx",))
CHAIN = (PROFILE, EXPORT, GATE, METER)


def project_with_load(folder: Path, load: str = "0.5") -> Path:
    """A project on which the whole chain passes."""
    folder.mkdir(exist_ok=True)
    (folder / "mlpipeline.yaml").write_text("project: {name: small}\ndata: {path: data.csv, target: y}\n")
    (folder / "data.csv").write_text("y\n1\n0\n")
    (folder / "load").write_text(load)
    return folder


def facts(project: Path) -> list[Fact]:
    """All that the ledger in the project's store says, in order."""
    store = LocalStore(project / ".mlagent" / "store")
    return [one.fact for one in entries(ObjectLedger(store))]


def short(fact: Fact) -> str:
    """What it says, in a few words that no attempt and no clock changes."""
    words = map(fact.details.get, ("stage", "subject", "what", "outcome", "check", "reason"))
    return " ".join(filter(None, (fact.what, *words)))


def said(project: Path) -> list[str]:
    """All that the ledger says, in few words."""
    return [short(one) for one in facts(project)]


def everything(project: Path) -> Counter[tuple[object, ...]]:
    """What was told how often, all but the time, the attempt and the build; and that what it rests on can be read."""
    store = LocalStore(project / ".mlagent" / "store")
    told = facts(project)
    for one in {one for fact in told for one in fact.holds}:
        store.get(one, project / "held")
        assert digest.of_file(project / "held") == one
    kept = ("subject", "digest", "rows", "commit", "made_by")
    return Counter((short(one), one.release, one.run, one.who, *map(one.details.get, kept)) for one in told)


@contextmanager
def failing(when: Callable[[str, bool], bool]) -> Iterator[None]:
    """A ledger that is away where `when` says so of a call: before it was heard (False), or after (True)."""
    originals: dict[str, Any] = {name: getattr(ObjectLedger, name) for name in ASKED}

    def away(name: str, *, heard: bool) -> None:
        if when(name, heard):
            raise InfrastructureError(f"the ledger cannot be reached ({name})")

    def around(name: str) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            away(name, heard=False)
            answer = originals[name](*args, **options)
            away(name, heard=True)
            return answer

        return call

    for name in ASKED:
        setattr(ObjectLedger, name, around(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(ObjectLedger, name, original)
