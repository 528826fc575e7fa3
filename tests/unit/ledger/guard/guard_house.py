"""What tests of the guard do to a house, and how they say what was found."""

from collections.abc import Callable
from typing import Any

from mlagent.core.ports.ledger import Fact
from mlagent.ledger.finding import Finding
from tests.promotion_house import MODEL, House


def names(found: tuple[Finding, ...]) -> list[tuple[str, str, bool]]:
    return [(one.kind, one.environment, one.blocks) for one in found]


def acknowledge(house: House, finding: Finding) -> None:
    details = {"finding": finding.id, "says": finding.says, "reason": "it was me"}
    fact = Fact(what="acknowledged", model=MODEL, who="ann", time=house.now(), release="", details=details)
    house.ledger.append(fact)


def change(house: House, number: int, **tags: str) -> None:
    house.registry.label(MODEL, number, {name.replace("__", "."): text for name, text in tags.items()})


def versions(house: House, change_them: Callable[[Any], list[Any]]) -> None:
    """As somebody with rights in the registry changes its versions."""
    there = change_them(list(house.registry.versions(MODEL)))
    house.registry.versions = lambda _: there
