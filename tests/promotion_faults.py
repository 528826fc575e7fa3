"""Ports of which one call fails, as if the process had ended there or the other side had gone away."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mlagent.errors import InfrastructureError
from tests.promotion_house import House


class KilledError(BaseException):
    """The process ended here."""


FAILURES = (KilledError, InfrastructureError)


class Faults:
    """Counts the calls; one of them fails, before it did anything or after, or once in a while none."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._calls, self._at, self._after = 0, 0, False
        self._kind: type[BaseException] = KilledError
        self.hit = ""
        self.hits: dict[str, int] = {}

    def arm(self, most: int) -> None:
        """From here on one of the next calls fails."""
        self.exactly(self._chance.randint(1, most), after=self._chance.random() < 0.5)
        self._kind = self._chance.choice(FAILURES)

    def exactly(self, at: int, *, after: bool) -> None:
        """The call of that number fails, from 1, after it was made or before."""
        self._calls, self._at, self._after, self.hit = 0, at, after, ""

    def disarm(self) -> None:
        """All goes well again."""
        self._at = 0

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, or its failure."""

        def called(*args: Any, **more: Any) -> Any:
            self._calls += 1
            fails = self._calls == self._at
            if fails and not self._after:
                self._fail(name)
            given = call(*args, **more)
            if fails:
                self._fail(name)
            return given

        return called

    def _fail(self, name: str) -> None:
        self.hit = f"{'after' if self._after else 'before'} {name}"
        self.hits[self.hit] = self.hits.get(self.hit, 0) + 1
        raise self._kind(f"a fault {self.hit}")


class Port:
    """A port whose methods may fail; who dies while it holds something lets go of it, as a process does."""

    def __init__(self, port: Any, faults: Faults) -> None:
        self._port, self._faults = port, faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name == "holding":
            return self._holding
        if name in ("kept", "about", "checkpoints"):  # what is read later fails where it is asked for
            return self._faults.around(name, lambda *args, **more: iter(list(found(*args, **more))))
        return self._faults.around(name, found) if callable(found) else found

    @contextmanager
    def _holding(self, what: str, who: str) -> Iterator[None]:
        with self._port.holding(what, who):
            self._faults.around("hold", lambda: None)()
            yield
            self._faults.around("let go", lambda: None)()


def faulty(faults: Faults) -> tuple[House, House]:
    """A house whose calls fail, and the same one as it is seen without."""
    house, seen = House(), House()
    seen.__dict__.update(house.__dict__)
    for port in ("registry", "ledger", "cluster"):
        setattr(house, port, Port(getattr(house, port), faults))
    house.sign = faults.around("sign", house.sign)
    return house, seen
