"""What goes between meter processes goes in pieces, and comes out whole or not at all."""

import numpy as np
import pytest

from mlagent.loadtest import wire


@pytest.mark.parametrize("size", [0, 1, wire.CHUNK_BYTES, wire.CHUNK_BYTES + 1, 5 * wire.CHUNK_BYTES // 2])
def test_bytes_come_out_as_they_went_in_and_no_chunk_is_too_large(size: int) -> None:
    data, taken = np.random.default_rng(1).bytes(size), list[bytes]()
    inbox = wire.Inbox({"report": taken.append})
    chunks = list(wire.chunks("report", data))
    for chunk in chunks:
        assert taken == []
        inbox.put(chunk)
    assert taken == [data]
    assert max(len(one["data"]) for one in chunks) <= wire.CHUNK_BYTES


def test_two_things_may_be_on_their_way_at_once() -> None:
    taken = dict[str, bytes]()
    inbox = wire.Inbox({name: lambda data, name=name: taken.update({name: data}) for name in "ab"})  # type: ignore[misc]
    for one, other in zip(wire.chunks("a", b"1" * (1 << 20)), wire.chunks("b", b"2" * (1 << 20)), strict=True):
        inbox.put(one)
        inbox.put(other)
    assert (set(taken["a"]), set(taken["b"])) == ({ord("1")}, {ord("2")})


def test_more_than_the_limit_is_refused_and_so_is_what_nobody_takes() -> None:
    inbox = wire.Inbox({"a": lambda _: None}, limit=3)
    with pytest.raises(ValueError, match="more than 3 bytes of a"):
        inbox.put({"what": "a", "data": b"1234", "last": False})
    with pytest.raises(KeyError):
        inbox.put({"what": "b", "data": b"", "last": True})
