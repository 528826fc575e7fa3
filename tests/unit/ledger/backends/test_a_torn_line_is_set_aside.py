"""What a killed writer, a power cut or a full disk leaves of a line is never taken for an entry, nor glued to one."""

import errno
import os
from pathlib import Path

import pytest

from mlagent.adapters.ledgers.lines import LineLedger
from mlagent.adapters.stores import disk
from mlagent.core.ports.ledger import entries
from mlagent.errors import InfrastructureError, InputError
from mlagent.ledger.chain import faults
from tests.contract.ledgers import at, fact


class Torn:
    """A ledger of three, whose file is then cut."""

    def __init__(self, folder: Path) -> None:
        self.path, self.said = folder / "ledger.jsonl", list[str]()
        self.ledger = LineLedger(self.path, self.said.append)
        for build in (1, 2, 3):
            self.ledger.append(fact(build))
        self.whole = self.path.read_bytes()
        self.last = self.whole.splitlines(keepends=True)[-1]

    def cut(self, kept: int) -> None:
        """Leave so much of the last line."""
        self.path.write_bytes(self.whole[: len(self.whole) - len(self.last) + kept])

    @property
    def aside(self) -> Path:
        return self.path.with_name("ledger.jsonl.torn")


@pytest.fixture
def torn(tmp_path: Path) -> Torn:
    return Torn(tmp_path)


def test_wherever_a_line_was_cut_the_next_one_follows_the_last_whole_one(torn: Torn) -> None:
    for kept in range(1, len(torn.last) - 1):
        torn.cut(kept)
        assert [one.number for one in torn.ledger.kept()] == [1, 2]
        assert torn.ledger.head().number == 2
        assert [one.number for one in torn.ledger.about("risk", "staging", until=at(0))] == [2, 1]
        torn.ledger.append(fact(4))
        assert [one.fact.build for one in entries(torn.ledger)] == [1, 2, 4]
        assert faults(torn.ledger.kept()) == []
        assert torn.aside.read_bytes() == torn.last[:kept] + b"\n"
        torn.aside.unlink()
    assert len(torn.said) == len(torn.last) - 2
    assert "its writer was killed" in torn.said[0]
    assert "ledger.jsonl.torn" in torn.said[0]


def test_parts_are_set_aside_one_after_the_other(torn: Torn) -> None:
    for kept in (5, 7):
        torn.cut(kept)
        torn.ledger.append(fact(4))
    assert torn.aside.read_bytes() == torn.last[:5] + b"\n" + torn.last[:7] + b"\n"


def test_a_line_that_only_lost_its_end_is_there(torn: Torn) -> None:
    torn.cut(len(torn.last) - 1)
    assert [one.number for one in torn.ledger.kept()] == [1, 2, 3]
    assert torn.ledger.head().number == 3
    assert [one.number for one in torn.ledger.about("risk")] == [3, 2, 1]
    assert torn.ledger.append(fact(4)).number == 4
    assert faults(torn.ledger.kept()) == []
    assert torn.said == []
    assert not torn.aside.exists()


def test_what_a_full_disk_took_of_a_line_is_taken_back(torn: Torn, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(target: int, data: bytes) -> None:
        os.write(target, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_all", half)
        with pytest.raises(InfrastructureError, match="No space left on device") as caught:
            torn.ledger.append(fact(4))
    assert "make room on that disk" in caught.value.hint
    assert torn.path.read_bytes() == torn.whole
    torn.ledger.append(fact(4))
    assert torn.said == []


def test_a_torn_checkpoint_is_none(torn: Torn) -> None:
    torn.ledger.seal(1, b"one")
    torn.ledger.seal(2, b"two")
    path = torn.path.with_name("ledger.jsonl.checkpoints")
    path.write_bytes(path.read_bytes()[:-5])
    assert list(torn.ledger.checkpoints()) == [b"one"]
    torn.ledger.seal(2, b"two")
    assert list(torn.ledger.checkpoints()) == [b"one", b"two"]
    assert "ledger.jsonl.checkpoints.torn" in torn.said[0]


def test_a_checkpoint_that_is_none_is_named(torn: Torn) -> None:
    torn.path.with_name("ledger.jsonl.checkpoints").write_bytes(b"[]\n")
    with pytest.raises(InputError, match="a checkpoint of the ledger cannot be read"):
        list(torn.ledger.checkpoints())


def test_a_counter_that_holds_no_number_is_named(torn: Torn) -> None:
    torn.path.with_name("ledger.jsonl.builds").write_text("many")
    with pytest.raises(InputError, match=r"ledger\.jsonl\.builds holds no number"):
        torn.ledger.next_build()


def test_a_folder_where_the_file_should_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"ledger\.jsonl cannot be used"):
        list(_in_folder(tmp_path).kept())
    with pytest.raises(InfrastructureError, match=r"ledger\.jsonl cannot be used"):
        _in_folder(tmp_path).append(fact())


def _in_folder(folder: Path) -> LineLedger:
    (folder / "ledger.jsonl").mkdir(exist_ok=True)
    return LineLedger(folder / "ledger.jsonl")
