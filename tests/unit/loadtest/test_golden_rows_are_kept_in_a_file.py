"""One line a row; a line that is none is named."""

from pathlib import Path

import msgspec
import pytest

from mlagent.errors import InputError
from mlagent.loadtest import golden
from mlagent.loadtest.golden import Golden

ROWS = [
    Golden(
        row={"Exposure": 0.1, "VehAge": "old\ncars", "b": None, "emb": [1.5, 2]},
        expected={"probabilities": [0.93, 0.07]},
    ),
    Golden(row={"Exposure": 1e-9, "VehAge": "jünger", "b": True, "emb": None}, expected={"prediction": None}),
    Golden(row={"Exposure": 1}, expected={}),
    Golden(request={"inputs": [{"name": "x", "data": [1]}]}, answer={"outputs": [{"name": "y", "data": [None, "a"]}]}),
]


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    golden.write(tmp_path / "golden.jsonl", ROWS)
    assert golden.read(tmp_path / "golden.jsonl") == ROWS
    assert len((tmp_path / "golden.jsonl").read_bytes().splitlines()) == 4


def test_a_row_is_asked_for_as_the_server_takes_it() -> None:
    assert msgspec.json.decode(ROWS[0].body) == {"rows": [ROWS[0].row]}
    assert msgspec.json.decode(ROWS[3].body) == ROWS[3].request


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read"),
        (b"", "holds no golden row"),
        (b'{"row":{},"expected":{}}\n{"row":{}}\n', 'line 2 is no golden row: it must hold "row" and'),
        (b'{"row":{},"expected":{},"request":{}}', 'or "request" and "answer"'),
        (b'{"answer":{}}', 'or "request" and "answer"'),
        (b'{"row":{},"expected":{"p":"text"}}\n', "line 1 is no golden row"),
        (b"{", "line 1 is no golden row"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_line(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "golden.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=why):
        golden.read(tmp_path / "golden.jsonl")
