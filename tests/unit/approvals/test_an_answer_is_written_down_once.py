"""Ledger, image and store are told of an answer in turn: whoever dies in between goes on, and repeats none."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from mlagent.adapters.fakes import MemoryStore
from mlagent.adapters.ledgers.objects import ObjectLedger
from mlagent.adapters.local.approvals import LocalApprovals
from mlagent.adapters.memory_signer import Board, MemorySigner
from mlagent.core.context import Context
from mlagent.core.oci import parse
from mlagent.core.ports.approvals import Started
from mlagent.core.ports.ledger import entries
from mlagent.errors import MlagentError, PolicyRefused
from mlagent.stages import approve
from mlagent.stages.approve import recording
from mlagent.trust import statement
from mlagent.trust.approval import document, told
from mlagent.trust.approval.asking import Noted
from mlagent.trust.approval.separation import Responsible
from mlagent.trust.policy import Policy
from tests.unit.trust.approval.asked_house import AFTER, ASKED, BEFORE, COMMIT, QUESTION, SAID

FILES = {approve.__file__, recording.__file__, told.__file__, sys.modules[LocalApprovals.__module__].__file__}


class Killed(BaseException):
    """The process is gone."""


class House:
    """The world of the stage, which outlives its process."""

    def __init__(self, folder: Path, outcome: str, who: str) -> None:
        store = MemoryStore()
        self.ledger, self.approvals, self.signer = ObjectLedger(store), LocalApprovals(store), MemorySigner(Board())
        noted = Noted(build=ASKED.build, question=QUESTION, before=BEFORE)
        self.notes: dict[str, Any] = {ASKED.build: msgspec.to_builtins(noted)}
        self.after = msgspec.structs.replace(AFTER, approvers=("zoe", who)) if outcome == "approved" else BEFORE
        self.said = {**SAID, "outcome": outcome, "by": who}
        self.folder = folder
        self.approvals.ask(QUESTION)

    def goes(self) -> None:
        """The stage is run with the answer, unless it was taken before."""
        noted = msgspec.convert(self.notes[ASKED.build], Noted).of(ASKED, answered=True)
        try:
            approve._answered(self.case(), noted)
        except MlagentError as error:
            assert self.said["outcome"] == "rejected", error

    def case(self) -> approve.Case:
        """What is decided, as far as taking an answer reaches."""
        look = approve.Look(lambda _: self.after, Started)
        return approve.Case(ASKED, cast("Policy", None), cast("Any", None), look, {}, self.context())

    def context(self) -> Context:
        """As far as this reaches."""
        sections = {"sign": SimpleNamespace(key="env:KEY", service=None), "registry": None}
        return cast(
            "Context",
            SimpleNamespace(
                work=self.folder,
                project=self.folder,
                sections=sections,
                ledger=self.ledger,
                approvals=self.approvals,
                remember=self.notes.update,
                recall=lambda: self.notes,
                answer=self.said,
                origin=lambda: SimpleNamespace(commit=COMMIT),
                log=SimpleNamespace(info=lambda _: None),
            ),
        )


def killed_at(line: int, act: Callable[[], None]) -> bool:
    """Whether it came to so many lines of the files that write it down, and was ended there."""
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize(
    ("outcome", "who", "facts"),
    [
        ("approved", "root", ["approved", "overridden"]),
        ("rejected", "bob", ["rejected"]),
    ],
)
def test_killed_at_any_line_and_run_again_each_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: str, who: str, facts: list[str]
) -> None:
    monkeypatch.setattr(
        "mlagent.stages.approve.showing.responsible", lambda *_: Responsible(ids={"dev": "author of x"})
    )
    line, ended = 0, True
    while ended:
        line += 1
        house = House(tmp_path, outcome, who)
        monkeypatch.setattr("mlagent.adapters.signer_of", lambda *_, house=house: house.signer)
        ended = killed_at(line, house.goes)
        if house.notes[ASKED.build]["question"]:
            house.goes()
        assert [one.fact.what for one in entries(house.ledger)] == facts, f"killed at line {line}"
        image = parse(ASKED.release.image)
        said = house.signer.attestations(image, document.TYPE, house.signer.by())
        (approval,) = [document.parse(statement.parse(statement.opened(one)).predicate) for one in said]
        assert (approval.decision.outcome, approval.decision.who) == (outcome, who), f"killed at line {line}"
        decision = house.approvals.decision(QUESTION.id)
        assert decision is not None
        assert decision.outcome == outcome
        assert house.notes[ASKED.build]["question"] is None
    assert line > 30


def test_a_no_that_was_written_down_is_the_same_no_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the node lost the command after its last note, and the courier gives it once more."""
    house = House(tmp_path, "rejected", "bob")
    monkeypatch.setattr("mlagent.adapters.signer_of", lambda *_: house.signer)
    house.goes()
    noted = msgspec.convert(house.notes[ASKED.build], Noted)
    with pytest.raises(PolicyRefused, match="bob rejected risk version 3"):
        approve._answered(house.case(), noted)
    assert [one.fact.what for one in entries(house.ledger)] == ["rejected"]
    house.said = {}
    assert approve._answered(house.case(), noted) == noted
