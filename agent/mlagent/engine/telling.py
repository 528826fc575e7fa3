"""Brings what a run did into the ledger, each fact once: first into the record, then there, then off the record.

What a saved record holds as untold was told or was not when its process died: the next attempt looks before it tells.
A ledger that is away stops a run only where it is needed: for a build's number, and before a promotion.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from mlagent.config.redact import Redactor
from mlagent.core.ports.ledger import Fact
from mlagent.core.stage import Stage
from mlagent.engine import facts, sealing
from mlagent.engine.clock import now
from mlagent.engine.lease import Lease
from mlagent.engine.log import EngineLog
from mlagent.engine.record import RunRecord
from mlagent.engine.workspace import Workspace
from mlagent.errors import Held, InfrastructureError, InputError

AWAY = (InfrastructureError, Held, InputError)
CLOCKS = timedelta(minutes=2)  # the clocks of those who write to one ledger differ by less


class Teller:
    """Tells the ledger of one attempt; whoever holds it saves the record before `tell`, and some time after."""

    def __init__(self, workspace: Workspace, run: RunRecord, lease: Lease, log: EngineLog, redactor: Redactor) -> None:
        """Take the build's number; where the ledger is away, it is taken once a stage needs it."""
        self._workspace, self._run, self._lease, self._log, self._redactor = workspace, run, lease, log, redactor
        self._new: set[str] = set()  # nobody can have told these
        self._away = False
        try:
            self._number()
        except (InfrastructureError, Held) as error:
            self._away = True
            log.warning(f"the ledger gives no build number: {error.message}; the run goes on until a stage needs one")

    def note(self, *happened: Fact, made_by: str = "") -> bool:
        """Put into the record what it does not hold; of the result of another run, what that one did not tell.

        Gives whether there was anything.
        """
        named = {facts.key(one): one for one in map(self._masked, happened)}
        noted = self._run.told.union(map(facts.key, self._run.untold))
        new = {name: one for name, one in named.items() if name not in noted}
        if new and made_by not in ("", self._run.run_id):
            new = self._left_by(made_by, new)
        else:
            self._new |= new.keys()
        self._run.untold += new.values()
        return bool(new)

    def ready(self, stage: Stage) -> None:
        """Have what the stage needs: a number, and before a promotion nothing untold; else why that cannot be."""
        if stage.needs.trusted_node:
            self._number()
        if stage.effect == "converge":
            self._tell()

    def tell(self, *, again: bool = False) -> bool:
        """Tell what is untold; a ledger that was away is asked once more only `again`. Whether the record changed."""
        waiting = len(self._run.untold)
        if not waiting or (self._away and not again):
            return False
        try:
            self._tell()
        except AWAY as error:
            self._away = True
            left = len(self._run.untold)
            self._log.warning(f"the ledger was not told of {left} facts: {error.message}; the next attempt tells them")
        return len(self._run.untold) != waiting

    def _number(self) -> None:
        self._run.build = self._run.build or self._workspace.ledger.next_build()

    def _tell(self) -> None:
        self._lease.check()
        there = self._there()
        for one in tuple(self._run.untold):
            name = facts.key(one)
            if (name, facts.maker(one)) not in there:
                said = one if name in self._new else facts.late(one)
                self._new.discard(name)  # whoever fails to answer may have heard it
                told = msgspec.structs.replace(said, time=now(), build=self._run.build)
                sealing.after(self._workspace, self._workspace.ledger.append(told).number, self._log.warning)
            self._run.untold.remove(one)
            self._run.told.add(name)
        self._away = False

    def _there(self) -> set[tuple[str, str]]:
        """What the ledger has been told since the oldest that somebody may have told."""
        old = [one.time for one in self._run.untold if facts.key(one) not in self._new]
        found: set[tuple[str, str]] = set()
        if not old:
            return found
        since = (datetime.fromisoformat(min(old)) - CLOCKS).isoformat(timespec="milliseconds")
        for entry in self._workspace.ledger.about(self._run.project):
            if entry.fact.time < since:
                break
            found.add((facts.key(entry.fact), facts.maker(entry.fact)))
        return found

    def _left_by(self, run_id: str, new: Mapping[str, Fact]) -> dict[str, Fact]:
        """Of these facts those that the other run did not tell, and will not: it is over, or was killed."""
        try:
            found = self._workspace.records.load(run_id)
        except InputError:
            found = None
        if found is None or self._workspace.holder(run_id):
            self._run.told |= new.keys()
            return {}
        self._run.told |= new.keys() & found[0].told
        return {name: facts.of_another(one, found[0]) for name, one in new.items() if name not in found[0].told}

    def _masked(self, fact: Fact) -> Fact:
        return msgspec.structs.replace(
            fact, details={name: self._redactor.text(one) for name, one in fact.details.items()}
        )
