"""An approval is a statement: one of another image, or by another key, is none, whoever put it beside this one."""

import msgspec

from mlagent.core.digest import of_bytes
from tests.e2e.approvals.beside import attested, state
from tests.e2e.approvals.office import Office
from tests.parts.keys import pair


def test_an_approval_of_another_image_is_none(here: Office) -> None:
    """Whoever holds the platform's key for a moment cannot take what was said of one image for another."""
    build = here.build(12)
    assert build.approved("ann").returncode == 0
    (approval,) = attested(here)
    other = of_bytes(b"another image")
    question = msgspec.structs.replace(approval.question, id="another", release=other)
    decision = msgspec.structs.replace(approval.decision, question="another", release=other, who="bob", position=2)
    here.rules(count=2)
    state(here, msgspec.structs.replace(approval, question=question, decision=decision), here.bed.keys)
    here.refused(build.promote(), 12, "0 of 2", f"of another digest ({other[7:19]})")


def test_an_approval_by_another_key_is_none(here: Office) -> None:
    build = here.build(12)
    assert build.approved("ann").returncode == 0
    (approval,) = attested(here)
    here.rules(approvers=["mallory"])
    decision = msgspec.structs.replace(approval.decision, who="mallory")
    keys = pair(here.folder / "keys", "mallory")
    state(here, msgspec.structs.replace(approval, decision=decision), keys)
    here.refused(build.promote(), 12, "approval: 0 of 1")
    assert [one.decision.who for one in attested(here)] == ["ann"], "hers is not even read"
