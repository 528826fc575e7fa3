"""Who chains the whole ledger anew is found by checkpoints that a key signed or others keep; so is a false one."""

from collections.abc import Callable

import pytest

from mlagent.core.ports.store import Named
from mlagent.ledger import checkpoint
from mlagent.ledger.verification import Anchored
from mlagent.ledger.witnesses import CHECKED
from tests.proofs_house import KEY, OTHER, House, chained, fact, good, moment, signing


def anew(lines: list[bytes], who: str = "eve") -> list[bytes]:
    """A ledger of that length which is whole in itself."""
    return chained([fact(turn, who=who) for turn in range(len(lines))])


def forget(house: House) -> None:
    for name in list(house.store.names("ledger/checkpoints/")):
        house.store.remove(name)


def test_history_that_was_rewritten_before_a_kept_checkpoint() -> None:
    house = House(6)
    house.seal()
    house.write(anew(house.lines()))
    said = f"history was rewritten: the first 6 entries are not those that the checkpoint of 6 entries at {moment(0)}"
    unless = "; or that checkpoint was changed: no signature that was checked speaks for it"
    assert house.verify().faults == (f"{said} (kept beside the ledger) saw{unless}",)


def test_history_that_was_rewritten_with_all_that_lies_beside_it() -> None:
    house = House(6)
    anchor = house.seal(sign=signing(KEY))
    house.write(anew(house.lines()))
    forget(house)
    house.seal(sign=signing(OTHER))
    faults = house.verify(anchor, good=good(KEY)).faults
    assert len(faults) == 2
    assert "(kept beside the ledger) has no good signature, says that it is by " in faults[0]
    assert "history was rewritten: the first 6 entries are not those that" in faults[1]
    assert faults[1].endswith("(version 3) saw")


def rewritten_without_a_key() -> tuple[House, Anchored]:
    """All of it, all that lies beside it, and what others keep."""
    house = House(6)
    house.seal(sign=signing(KEY))
    house.write(anew(house.lines()))
    forget(house)
    return house, house.seal()


def test_history_that_was_rewritten_everywhere_by_who_cannot_sign() -> None:
    house, anchor = rewritten_without_a_key()
    assert house.verify(anchor, good=good(KEY)).faults == ()
    (fault,) = house.verify(anchor, good=good(KEY), demanded=True).faults
    assert fault.startswith(f"the checkpoint of 6 entries at {moment(0)} (version 3) is not signed, and must be")


def test_history_that_was_rewritten_everywhere_is_seen_where_nobody_else_is_asked() -> None:
    house, _ = rewritten_without_a_key()
    (fault,) = house.verify(good=good(KEY), demanded=True).faults
    assert "(kept beside the ledger) is not signed, and must be" in fault


def test_what_was_rewritten_after_a_signed_checkpoint_and_given_to_others_without_a_signature() -> None:
    house = House(6)
    house.seal(sign=signing(KEY))
    house.ledger.append(fact(6, who="eve"))
    (fault,) = house.verify(house.seal(), good=good(KEY), demanded=True).faults
    assert fault.startswith("the checkpoint of 7 entries")


def test_a_signature_is_not_asked_of_what_a_signed_checkpoint_covers_nor_of_what_training_took() -> None:
    house = House(6)
    anchor = house.seal()
    house.ledger.append(fact(6))
    house.seal(sign=signing(KEY))
    house.ledger.append(fact(7))
    house.seal()
    assert house.verify(anchor, good=good(KEY), demanded=True).faults == ()
    assert House(6).verify(good=good(KEY), demanded=True).faults == ()


def test_a_cut_that_was_covered_up_by_new_entries() -> None:
    house = House(6)
    anchor = house.seal()
    house.write(chained([*(fact(turn) for turn in range(4)), *(fact(turn, who="eve") for turn in range(4, 9))]))
    forget(house)
    assert [one[:21] for one in house.verify(anchor).faults] == ["history was rewritten"]


def test_a_cut_has_the_same_key_when_new_entries_have_covered_it_up() -> None:
    house = House(6)
    house.seal()
    house.write(house.lines()[:4])
    cut = house.verify()
    assert cut.faults[0].startswith("the ledger was cut off: it ends after 4 entries")
    for turn in range(4, 9):
        house.ledger.append(fact(turn, who="ann anew"))
    covered = house.verify()
    assert covered.faults[0].startswith("history was rewritten")
    assert covered.keys == cut.keys


def test_a_fork_two_of_whose_ends_were_sealed() -> None:
    house = House(6)
    house.seal(sign=signing(KEY))
    fork = House()
    fork.write(anew(house.lines()))
    report = house.verify(fork.seal(second=1, sign=signing(KEY)), good=good(KEY))
    assert len(report.faults) == 1
    assert report.faults[0].startswith(f"the ledger was forked: the checkpoint of 6 entries at {moment(1)} (version 3)")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.replace(b"12:00:00.000", b"11:00:00.000"), "has no good signature"),
        (lambda data: data.replace(b'"key":"', b'"key":"another '), ""),
        (lambda data: data.replace(b'"size":6', b'"size":5'), "has no good signature"),
        (lambda data: data.replace(b'"size":6', b'"size":7'), "cannot be read"),
        (lambda data: data.replace(b'"head":"sha256:', b'"head":"sha256:0'), "has no good signature"),
        (lambda data: data[:-9], "cannot be read"),
        (lambda data: b"forged", "cannot be read"),
    ],
    ids=["time", "name of the key", "size", "another size", "head", "torn", "forged"],
)
def test_a_checkpoint_that_was_edited(change: Callable[[bytes], bytes], said: str) -> None:
    house = House(6)
    anchor = house.seal(sign=signing(KEY))
    report = house.verify(anchor._replace(data=change(anchor.data)), good=good(KEY))
    assert len(report.faults) == bool(said)
    assert all(said in one and "version 3" in one for one in report.faults)


def test_an_edited_checkpoint_speaks_against_the_ledger_where_no_signature_is_looked_at() -> None:
    house = House(6)
    anchor = house.seal()
    changed = anchor.data.replace(b'"head":"sha256:', b'"head":"sha256:0')
    (fault,) = house.verify(anchor._replace(data=changed)).faults
    assert fault.startswith("the ledger was forked: ")
    assert fault.endswith("or that checkpoint was changed: no signature that was checked speaks for it")


def test_what_a_bad_signature_covers_does_not_speak_against_the_ledger() -> None:
    house, fork = House(6), House()
    house.seal(sign=signing(KEY))
    fork.write(anew(house.lines()))
    faults = house.verify(fork.seal(sign=signing(OTHER)), good=good(KEY)).faults
    assert len(faults) == 1
    assert "has no good signature" in faults[0]


def test_the_same_checkpoint_in_many_hands_is_looked_at_once() -> None:
    house = House(6)
    anchor = house.seal(sign=signing(KEY))
    asked: list[str] = []

    def ask(data: bytes, signature: str) -> bool:
        asked.append(signature)
        return good(KEY)(data, signature)

    report = house.verify(anchor, anchor._replace(where="version 4"), good=ask)
    assert (report.faults, report.notes, report.checkpoints, len(asked)) == ((), (), 1, 1)


def test_of_many_signatures_the_newest_are_looked_at_first_and_the_oldest_not() -> None:
    house = House(1)
    sealed = []
    for turn in range(1, CHECKED + 4):
        sealed.append(house.seal(sign=signing(KEY)))
        house.ledger.append(fact(turn))
    asked: list[bytes] = []

    def ask(data: bytes, _: str) -> bool:
        asked.append(data)
        return True

    report = house.verify(*sealed, good=ask)
    wanted = [checkpoint.signed(checkpoint.read(one.data).checkpoint) for one in reversed(sealed)][:CHECKED]
    assert asked == wanted
    unseen = "the signatures of the 3 oldest checkpoints were not looked at: newer ones cover them"
    assert report.notes == (unseen, NEWEST.format("with a good signature ", "entry"))


@pytest.mark.parametrize(
    ("sign", "checked", "said"),
    [
        (None, True, "no checkpoint is signed: who can write them all can rewrite the ledger"),
        (KEY, False, "signatures of checkpoints were not looked at: no key to verify them by was given"),
    ],
    ids=["not signed", "no key"],
)
def test_what_could_not_be_seen_is_said(sign: bytes | None, checked: bool, said: str) -> None:
    house = House(6)
    house.seal(sign=signing(sign) if sign else None)
    report = house.verify(good=good(KEY) if checked else None)
    assert (report.faults, report.notes) == ((), (said,))


NEWEST = "no checkpoint {}covers the newest {} yet: who can write to the ledger could still change that"


def test_how_far_good_signatures_reach_is_said() -> None:
    house = House(6)
    house.seal(sign=signing(KEY))
    house.ledger.append(fact(6))
    house.seal(second=9)
    assert house.verify(good=good(KEY)).notes == (NEWEST.format("with a good signature ", "entry"),)
    house.ledger.append(fact(7))
    assert house.verify(good=good(KEY)).notes == (NEWEST.format("with a good signature ", "2 entries"),)
    assert house.verify().notes[-1] == NEWEST.format("", "entry")


def test_a_checkpoint_that_others_keep_and_the_ledger_does_not_is_said() -> None:
    house = House(6)
    anchor = house.seal()
    forget(house)
    report = house.verify(anchor)
    assert report.faults == ()
    gone = f"the checkpoint of 6 entries at {moment(0)} (version 3) is not kept beside the ledger any more"
    assert report.notes == (gone, "no checkpoint is signed: who can write them all can rewrite the ledger")


def test_a_cut_object_is_named_by_the_ledger_itself() -> None:
    house = House(6)
    house.store.remove("ledger/entries/000000000006")
    assert any("entry 6 of the ledger is missing" in one for one in house.verify().faults)


def test_what_others_add_while_it_is_read_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(6)
    anchor = house.seal()
    read = house.store.read

    def growing(name: str) -> Named | None:
        if name.endswith("entries/000000000005"):
            monkeypatch.undo()
            house.ledger.append(fact(6))
            house.seal()
        return read(name)

    monkeypatch.setattr(house.store, "read", growing)
    assert house.verify(anchor).faults == ()
    assert house.ledger.head().number == 7
