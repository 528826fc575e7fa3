"""A file of lines is searched from its end and by halves: held against a plain list, with blocks of a few bytes."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.adapters.ledgers import linefile
from mlagent.adapters.ledgers.linefile import LineFile

WORDS = st.lists(st.sampled_from([b"aa", b"ab", b"b", b" ", b"c" * 40]), max_size=8).map(b"".join)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linefile, "BLOCK", 16)
    monkeypatch.setattr(linefile, "SHORT", 4)


def lines_of(folder: str, lines: list[bytes]) -> LineFile:
    path = Path(folder) / "lines"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return LineFile(path, lambda _: False, lambda _: None)


@given(st.lists(WORDS), st.sampled_from([(), (b"a",), (b"b",), (b"aa", b"ab"), (b"ab", b"cc", b" "), (b"x",)]))
def test_all_lines_with_all_needles_are_found_the_last_first(lines: list[bytes], needles: tuple[bytes, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected = [line for line in reversed(lines) if all(needle in line for needle in needles)]
        assert list(lines_of(folder, lines).backwards(needles)) == expected


@given(st.lists(WORDS))
def test_all_lines_are_read_in_order(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert [line for some in lines_of(folder, lines).blocks() for line in some] == lines


@given(st.lists(st.integers(0, 99).map(lambda number: b"%d" % number)), st.integers(-1, 100))
def test_the_first_of_those_that_come_later_is_found_by_halves(lines: list[bytes], least: int) -> None:
    lines.sort(key=int)
    with tempfile.TemporaryDirectory() as folder:
        file = lines_of(folder, lines)
        offset = file.first(lambda line: int(line) >= least)
        assert [line for some in file.blocks(offset) for line in some] == [one for one in lines if int(one) >= least]
        assert list(file.backwards(end=offset)) == [one for one in reversed(lines) if int(one) < least]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "nowhere" / "lines", lambda _: True, lambda _: None)
    assert list(file.blocks()) == []
    assert list(file.backwards()) == []
    assert list(file.backwards((b"a",))) == []
    assert file.first(lambda _: True) == 0
    assert not (tmp_path / "nowhere").exists()
