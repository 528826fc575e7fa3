"""Hundreds of random faults at every call of ledger, registry, cluster and signer: the next run ends the same."""

import random
from contextlib import suppress
from typing import NamedTuple

import pytest

from mlagent.ledger import checkpoint
from mlagent.ledger.history import standing
from mlagent.ledger.moves import version
from mlagent.ledger.promotion import Move, rolled_back
from tests.promotion_faults import FAILURES, Faults, faulty
from tests.promotion_house import MODEL

FAULTS, SEEDS = 50, 12  # 600 faults
ENVIRONMENTS = ("staging", "production")
CALLS = 32  # of one move, about


class Came(NamedTuple):
    """What is in an environment, by the plain list that the ledger is held against."""

    version: int
    build: int


class Teller:
    """Moves that may come, one after the other, and what must be told of them."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.faults = Faults(chance)
        self.house, self.seen = faulty(self.faults)
        self.build = 0
        self.there: dict[str, list[Came]] = {one: [] for one in ENVIRONMENTS}
        self.told: list[tuple[str, str, int]] = []

    def move(self) -> tuple[Move, list[Came]]:
        """A promotion, or a way back, and how the environment is after it."""
        environment = self.chance.choice(ENVIRONMENTS)
        there = self.there[environment]
        if len(there) > 1 and self.chance.random() < 0.3:
            back, left = there[-2], there[-1]
            releases = [self.house.release(one.version, build=one.build) for one in (back, left)]
            move = rolled_back(releases[0], environment, "ann", left=releases[1], reason="errors", placement="p")
            return move, there[:-1]
        self.build += 1
        number = self.chance.randint(1, 4)
        return self.house.promotion(number, environment, build=self.build), [*there, Came(number, self.build)]

    def one(self) -> None:
        """A move of which one call fails; then it is asked for again, or somebody else comes with another."""
        move, after = self.move()
        self.hurt(move)
        if self.chance.random() < 0.5:
            self.hurt(move)
        if self.chance.random() < 0.7:
            self.house.settle(move)
        self.note(move, after)
        if self.chance.random() < 0.5:
            other, after = self.move()
            self.house.settle(other)
            self.note(other, after)
        self.settle_all()

    def hurt(self, move: Move) -> None:
        self.faults.arm(CALLS)
        try:
            self.house.settle(move)
        except FAILURES:
            assert self.faults.hit
        self.faults.disarm()

    def note(self, move: Move, after: list[Came]) -> None:
        """As much of it as was written down; what was not has not happened, and nobody has asked for it again."""
        whole = ["deployed", move.what] if move.deployed else [move.what]
        new = self.seen.facts()[len(self.told) :]
        assert [what for what, _, _ in new] == whole[: len(new)], self.faults.hit
        assert {one[1:] for one in new} <= {(move.environment, move.release.build)}
        self.told += new
        if len(new) == len(whole):
            self.there[move.environment] = after

    def settle_all(self) -> None:
        """The next run, whoever's."""
        self.build += 1
        move = self.house.promotion(1, self.chance.choice(ENVIRONMENTS), build=self.build)
        self.house.settle(move)
        self.note(move, [*self.there[move.environment], Came(1, self.build)])
        entry = standing(self.seen.ledger, MODEL, move.environment)
        assert entry is not None
        for anchor in self.seen.anchors():
            there = anchor.there(version(entry))
            assert there is not None
            assert checkpoint.read(there).checkpoint.size >= entry.number

    def agrees(self) -> None:
        """No fact is lost or doubled, the aliases are where the ledger says, and all checkpoints hold."""
        assert self.seen.facts() == self.told
        for environment in ENVIRONMENTS:
            there = self.there[environment]
            assert self.seen.alias(environment) == (there[-1].version if there else None)
        assert self.seen.found() == ()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_a_fault_at_any_call_the_next_run_makes_ledger_aliases_tags_and_checkpoints_agree(seed: int) -> None:
    teller = Teller(random.Random(seed))  # noqa: S311 - no key is made of it
    while sum(teller.faults.hits.values()) < FAULTS:
        teller.one()
        teller.agrees()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["promoted", "rolled-back"])
def test_a_move_that_is_cut_off_at_each_of_its_calls_is_there_once_after_the_same_again(
    kind: str, *, after: bool
) -> None:
    at, hits = 0, set[str]()
    while True:
        at += 1
        teller = Teller(random.Random(at))  # noqa: S311 - no key is made of it
        house, faults = teller.house, teller.faults
        house.promote(1)
        house.promote(2)
        move = house.way_back(1, left=2) if kind == "rolled-back" else house.promotion(3)
        faults.exactly(at, after=after)
        with suppress(*FAILURES):
            house.settle(move)
        faults.disarm()
        if not faults.hit:
            break
        hits.add(faults.hit.split()[1])
        house.settle(move)
        assert teller.seen.moves()[2:] == [(kind, "staging", move.release.build)], faults.hit
        assert teller.seen.alias() == move.release.version
        assert teller.seen.found() == ()
    assert hits >= {"append", "label", "point", "pointed", "versions", "sign", "seal", "apply", "hold", "let", "about"}


def test_what_was_cut_off_in_one_environment_is_ended_by_who_comes_to_another() -> None:
    teller = Teller(random.Random(0))  # noqa: S311 - no key is made of it
    teller.house.promote(1)
    teller.house.promote(1, "production")
    at = 1
    while teller.seen.moves()[2:] == []:
        teller.faults.exactly(at, after=True)
        with suppress(*FAILURES):
            teller.house.promote(2)
        at += 1
    teller.faults.disarm()
    assert [one.kind for one in teller.seen.found()] == ["cut-off"]
    teller.house.promote(3, "production")
    assert (teller.seen.alias(), teller.seen.alias("production")) == (2, 3)
    assert teller.seen.found() == ()
