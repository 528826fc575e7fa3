"""What a running stage is given: where it may write, whom it may ask, how it speaks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mlagent.core.ports.approvals import Approvals
from mlagent.core.ports.blobs import Blobs
from mlagent.core.ports.children import Children
from mlagent.core.ports.ledger import Ledger
from mlagent.core.ports.log import Log
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.ports.tracker import ExperimentTracker
from mlagent.core.verdict import Verdict


class DataFile(msgspec.Struct, frozen=True):
    """A file of the team's rows on this machine; `name` is how people call it (a path in the project, or a URL).

    `part` is what the file was given for, "validation" or "test"; empty for rows that are to be divided.
    """

    name: str
    path: Path
    part: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of this run that is done: what its result depends on, what it made (digests by artifact), what it judged.

    `ended` is RFC 3339 in UTC: when it was judged, also where another run (`made_by`) did so.
    """

    stage: str
    key: str | None
    outputs: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    ended: str
    made_by: str


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run comes from; for what is told about a release, and in no result.

    `builder` is who runs mlagent (the controller's address in Jenkins), `url` this build's page there; `begun` is
    RFC 3339 in UTC; `sources`, `data` and `config` are digests; `reason` is why Jenkins was asked for it. What is not
    known is empty.
    """

    builder: str
    url: str
    job: str
    commit: str
    dirty: bool
    author: str
    repository: str
    build: int
    begun: str
    sources: str
    data: str
    config: str
    reason: str = ""

    @property
    def who(self) -> str:
        """Who does what this run does: the build, else the machine."""
        return self.url or self.builder


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote a commit, or is named as its co-author there: as the commit says it, which whoever made it chose."""

    commit: str
    email: str
    name: str = ""


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage gives back: a line for people, its verdicts, and what to do when one is not a pass.

    `blobs` are digests of pieces that it added to `ctx.blobs` and that later stages need; `facts` what facts
    that it declares are now, where it wrote what they are about: its result is kept by these.
    `undone` says what the stage took back in the world, for bad evidence: once all is recorded it ends so (30).
    """

    summary: str
    verdicts: tuple[Verdict, ...] = ()
    hint: str = ""
    blobs: tuple[str, ...] = ()
    facts: Mapping[str, str] = {}
    undone: str = ""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The world of one attempt of one stage.

    `project` is the team's folder; `work` an empty folder in which the stage writes its declared files; `kept` one that
    an interrupted attempt of the same stage on the same inputs may have filled, gone once the stage is done;
    `data` the files of the team's rows, for a stage that declares that fact; `sections` the shared sections it
    declared, typed; `digests` those of its inputs, by artifact name; `facts` those of the
    world's state that it declared, and `references` the files that stand for some of them, where there are any.
    `worker` runs the team's code, `tools` mlagent's own programs. `blobs` are pieces of images, `asked` the switches of
    the stage's command that were given. `labels` say which build and commit this is; they may be shown, and enter no
    result. `done` are the stages before that are, and `origin` tells where the run comes from. `remember` keeps notes
    in the stage's record at once, `recall` gives the last ones of this run: for what is done step by step in the world.
    `approvals` keeps what was asked, and what was answered outside of Jenkins; `authors` names who wrote the commits
    since one (all, since none). `answer` is what the courier says that people answered (outcome, by, comment, and `to`
    which input): a hint, and empty where nobody was asked.
    """

    project: Path
    work: Path
    kept: Path
    run_id: str
    data: tuple[DataFile, ...]
    sections: Mapping[str, Any]
    digests: Mapping[str, str]
    facts: Mapping[str, str]
    references: Mapping[str, Path]
    worker: Children
    tools: Children
    tracker: ExperimentTracker
    registry: ModelRegistry
    ledger: Ledger
    blobs: Blobs
    asked: frozenset[str]
    labels: Mapping[str, str]
    done: tuple[Done, ...]
    origin: Callable[[], Origin]
    remember: Callable[[Mapping[str, Any]], None]
    recall: Callable[[], Mapping[str, Any]]
    log: Log
    approvals: Approvals
    authors: Callable[[str], Sequence[Author]] = lambda _: ()
    answer: Mapping[str, str] = {}
