"""What is left once a stage was judged: its verdicts, as files and in the store, and a result to be found again."""

import tempfile
from pathlib import Path

from mlagent.config.redact import Redactor
from mlagent.core import digest
from mlagent.core.files import write_whole
from mlagent.core.ports.store import Store
from mlagent.core.verdict import Verdict
from mlagent.engine import results
from mlagent.engine.keys import FORCE, key_of
from mlagent.engine.plan import Step
from mlagent.engine.record import State
from mlagent.engine.results import Result
from mlagent.errors import Aborted, Asks, GateRefused, Held, Inconclusive, Interrupted, Invalid, RolledBack
from mlagent.report import junit

_STATES: dict[type[BaseException], State] = {
    GateRefused: "refused",
    Inconclusive: "inconclusive",
    Invalid: "invalid",
    Held: "held",
    Asks: "held",
    RolledBack: "undone",
    Interrupted: "stopped",
    Aborted: "stopped",
}


def write(folder: Path, stage: str, verdict: Verdict, redactor: Redactor) -> None:
    """Leave it in the stage's folder, for people and Jenkins."""
    write_whole(folder / f"verdict-{verdict.subject}.json", digest.canonical_json(verdict))
    junit.write_verdict(folder / f"junit-verdict-{verdict.subject}.xml", stage, verdict, redactor.text)


def put(store: Store, verdict: Verdict) -> None:
    """Keep its canonical JSON in the store, where the ledger names its digest."""
    data = digest.canonical_json(verdict)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "verdict"
        path.write_bytes(data)
        store.put(path, digest.of_bytes(data))


def keep(store: Store, stage: str, step: Step, result: Result) -> set[str]:
    """Keep it under its key, and give its names; what was forced also takes the place of what was known before."""
    plain = key_of({name: value for name, value in step.parts.items() if name != FORCE})
    keys = dict.fromkeys([step.key or plain, plain])
    for key in keys:
        results.keep(store, stage, key, result)
    return {results.name_of(stage, key) for key in keys}


def state_of(error: BaseException) -> State:
    """What a stage is recorded as that ended with an error."""
    return _STATES.get(type(error), "failed")
