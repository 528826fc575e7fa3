"""A stage is declared once; the command, the schema, the docs and Jenkins' view are all derived from it."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mlagent.core.artifact import Artifact

if TYPE_CHECKING:
    from mlagent.core.context import Context, Outputs

Node = Literal["light", "cpu", "gpu", "trusted"]
Effect = Literal["compute", "publish", "observe", "converge"]
EFFECTS: dict[Effect, str] = {
    "compute": "a function of its inputs: what is in the store need not run again",
    "publish": "tells a remote: asks first whether it already knows",
    "observe": "a reading of the live world: belongs to the run that made it",
    "converge": "brings the world to what is wanted: never reused, nothing to do is success",
}


class Package(msgspec.Struct, frozen=True):
    """A Python package a stage imports when it runs, and the extra that brings it."""

    module: str
    extra: str


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What a node must have to run the stage; `doctor` checks it, Jenkins picks nodes by it.

    A `light` stage reads and judges: it can run where plans are made.
    """

    packages: tuple[Package, ...] = ()
    gpu: bool = False
    docker: bool = False
    cluster: bool = False
    credentials: bool = False
    trusted_node: bool = False
    light: bool = False

    @property
    def node(self) -> Node:
        """The kind of node it asks for; where no team code runs comes first."""
        if self.trusted_node:
            return "trusted"
        return "gpu" if self.gpu else "light" if self.light else "cpu"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the pipeline; `revision` rises when the same inputs would give another result.

    `sources` are glob patterns in the project (`!` takes away again); `sections` shared sections whose values enter the
    result, `uses` those that do not (where it is logged, say); `facts` what it depends on in the world, by name;
    An optional artifact that it reads and its maker left out is absent from its inputs.
    `accepts` the profile of data that its pass accepts; `in_worker` whether the team's environment runs it: always, or
    where this key of its section is set, and its sources count only then.
    `section` is that of its settings, where it is not called as the stage is; `environment` where it acts: such an
    instance is named `deploy@staging`, and its command is `mlagent deploy --env staging`.
    `ignores` are keys of its section that change nothing of what it does.
    `waits` is the key of its section that says for how many minutes a build in Jenkins waits until it has its answer.
    `wants` are configuration keys without any of which it has nothing to do: it is off then; `holds` those without any
    of which it needs no keys, and so no trusted node. `switches` are flags of
    its command, each with its help, that make it run and reach it as `ctx.asked`; with those of `looks` it only shows
    what it would do.
    Keys that a section's class lists as LEFT_OUT change no result. `minutes` is how long it may take in Jenkins.
    """

    name: str
    title: str
    about: str
    config: type[msgspec.Struct]
    run: Callable[[Any, Mapping[str, Any], "Context"], "Outputs"]
    reads: tuple[str, ...] = ()
    writes: tuple[Artifact, ...] = ()
    sources: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    accepts: str = ""
    in_worker: bool | str = False
    section: str = ""
    environment: str = ""
    ignores: Collection[str] = ()
    waits: str = ""
    wants: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    switches: Mapping[str, str] = {}
    looks: Mapping[str, str] = {}
    effect: Effect
    revision: int = 1
    retries: int = 0
    needs: Needs = Needs()
    minutes: int = 60

    @property
    def settings(self) -> str:
        """The section that holds its settings."""
        return self.section or self.name

    @property
    def verb(self) -> str:
        """The name of its command, one for all environments."""
        return self.name.partition("@")[0]

    @property
    def command(self) -> str:
        """What is given to mlagent to run it alone."""
        return f"{self.verb} --env {self.environment}" if self.environment else self.verb

    def calls_team(self, section: Mapping[str, Any]) -> bool:
        """Whether the team's code runs in it, by the values of its section."""
        return bool(section[self.in_worker]) if isinstance(self.in_worker, str) else self.in_worker

    def off(self, config: Mapping[str, Mapping[str, Any]]) -> str:
        """Why it has nothing to do by this configuration; empty when it has."""
        return f"{' and '.join(self.wants)} not set" if _none(self.wants, config) else ""

    def node(self, config: Mapping[str, Mapping[str, Any]]) -> Node:
        """The kind of node it asks for by this configuration."""
        return "light" if _none(self.holds, config) else self.needs.node

    def counts_sources(self, section: Mapping[str, Any]) -> bool:
        """Whether its result depends on the files it declares."""
        return bool(self.sources) and (self.in_worker in (True, False) or self.calls_team(section))


def _none(keys: Collection[str], config: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether there are keys, and none of them is set."""
    values = [config[section][name] for section, name in (key.split(".") for key in keys)]
    return bool(values) and not any(values)
