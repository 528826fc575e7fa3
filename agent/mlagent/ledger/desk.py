"""Where the moves of a model are settled: its ledger and registry, where checkpoints lie, who signs, how to speak."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mlagent.core.ports.ledger import Ledger
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.release import Served
from mlagent.errors import MlagentError
from mlagent.ledger import guard, promotion
from mlagent.ledger.anchors import Anchor
from mlagent.ledger.checkpoint import Sign
from mlagent.ledger.finding import Finding
from mlagent.ledger.promotion import Move, Settled
from mlagent.ledger.verification import Good, verify

PROBE = b"mlagent asks whether this key signs, before a promotion\n"
UNSIGNED = "the ledger's checkpoint is not signed: no key for it is here (ledger.key, or sign.key)"


class Desk(NamedTuple):
    """Of one model; `now` gives the time, RFC 3339 in UTC, `say` warns; a signature is `demanded` as in `verify`."""

    model: str
    ledger: Ledger
    registry: ModelRegistry
    anchors: tuple[Anchor, ...]
    sign: Sign | None
    good: Good | None
    now: Callable[[], str]
    say: Callable[[str], None]
    demanded: bool = False

    def look(self, served: Mapping[str, Served] | None = None) -> tuple[Finding, ...]:
        """All that is not as the ledger says, the ledger itself included; changes nothing."""
        anchored = [one for anchor in self.anchors for one in anchor.read()]
        report = verify(self.ledger, anchored, self.good, demanded=self.demanded)
        return guard.findings(self.ledger, self.registry, self.model, served=served, report=report)

    def admit(self, what: str, served: Mapping[str, Served] | None = None) -> None:
        """PolicyRefused (12) where `what` would be done on top of what somebody changed by hand; tells the rest.

        A key that cannot sign (its password is wrong, say) raises here, and not when all is done but the checkpoint.
        """
        found = self.look(served)
        guard.refuse(self.ledger, self.model, found, what)
        guard.tell([one for one in found if not one.blocks], self.say)
        if self.sign:
            self.sign(PROBE)

    def glance(self, environment: str, served: Served | None, who: str) -> None:
        """The same after a way back, which nothing may block or delay: `served` is what was seen before it.

        All of it is told, and what cannot be looked at, too.
        """
        try:
            guard.tell(self.look({environment: served} if served else {}), self.say)
            if served:
                self.make_up(environment, served, who)
        except MlagentError as error:
            self.say(f"whether all is as the ledger says was not looked at: {error.message}")

    def make_up(self, environment: str, served: Served, who: str) -> None:
        """Write down what serves already, where whoever brought it there was cut off before that."""
        move = promotion.found(self.ledger, self.model, environment, served, who)
        if move:
            self.say(f"{move.release} serves in {environment}, and the ledger did not tell of that: it does now")
            self.settle(move)

    def settle(self, move: Move) -> Settled:
        """Write it down and bring it about; what is to be told of it is said."""
        settled = promotion.settle(move, self.registry, self.ledger, self.anchors, self.sign, self.now)
        for one in (*([settled.unknown] if settled.unknown else []), *settled.notes):
            self.say(one)
        if settled.appended and self.sign is None and move.what == "promoted":
            self.say(UNSIGNED)
        return settled
