"""The Approvals port as a file a question and a file an answer."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from mlagent.core.ports.approvals import Decision, Question, must_agree, must_fit
from mlagent.core.ports.store import Store
from mlagent.errors import InputError

QUESTIONS, DECISIONS = "approvals/questions/", "approvals/decisions/"
T = TypeVar("T")


class LocalApprovals:
    """Both files are created and never written again: the first answer stands."""

    def __init__(self, store: Store) -> None:
        """Open nothing yet."""
        self._store = store

    def ask(self, question: Question) -> None:
        """Create the question."""
        if not self._store.swap(QUESTIONS + question.id, msgspec.json.encode(question), None):
            before = self.question(question.id)
            if before != question:
                raise InputError(
                    f"question {question.id!r} was asked before, about another thing",
                    hint="give every question an id of its own",
                )

    def pending(self, now: str) -> Sequence[Question]:
        """Those without an answer."""
        answered = {name.removeprefix(DECISIONS) for name in self._store.names(DECISIONS)}
        ids = (name.removeprefix(QUESTIONS) for name in self._store.names(QUESTIONS))
        asked = (self.question(one) for one in ids if one not in answered)
        return sorted((one for one in asked if one and now < one.expires), key=lambda one: (one.asked, one.id))

    def question(self, question_id: str) -> Question | None:
        """Read it."""
        return self._read(QUESTIONS + question_id, Question)

    def decide(self, decision: Decision) -> None:
        """Create the answer, if it fits."""
        before = self.decision(decision.question)
        if before is None:
            must_fit(self.question(decision.question), decision)
            if self._store.swap(DECISIONS + decision.question, msgspec.json.encode(decision), None):
                return
            before = self.decision(decision.question)
        if before:
            must_agree(before, decision)

    def decision(self, question_id: str) -> Decision | None:
        """Read it."""
        return self._read(DECISIONS + question_id, Decision)

    def _read(self, name: str, kind: type[T]) -> T | None:
        named = self._store.read(name)
        if named is None:
            return None
        try:
            return msgspec.json.decode(named.data, type=kind)
        except ValueError as error:
            raise InputError(f"{name} in the store is damaged: {error}", hint="restore it from a backup") from error
