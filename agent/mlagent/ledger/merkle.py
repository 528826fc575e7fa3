"""A Merkle tree as RFC 6962 has it: that an entry is one of a million is shown by twenty hashes instead of all of them.

A leaf is SHA-256 of a zero byte and an entry's bytes, a node that of a one and its two children. Hashes are written in
hex; a root has its algorithm before it, as every digest that stands for something.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence

from mlagent.core.digest import ALGORITHM, Digest

_sha256 = hashlib.sha256


class Frontier:
    """What is needed of a tree to go on: the roots of its full parts, greatest first, one for each bit of `size`."""

    def __init__(self, size: int = 0, hashes: Sequence[str] = ()) -> None:
        """As `hashes()` gave it for that size; ValueError where it cannot have been so."""
        self.size = size
        self._peaks = [bytes.fromhex(one) for one in hashes]
        if size < 0 or len(hashes) != size.bit_count() or any(len(one) != 32 for one in self._peaks):
            message = f"a tree of {size} leaves has {max(size, 0).bit_count()} hashes of 32 bytes at its frontier"
            raise ValueError(message)

    def extend(self, entries: Iterable[bytes]) -> None:
        """Add entries by their bytes, after all others; a million a second, where many are added at once."""
        nodes = [_sha256(b"\0" + entry).digest() for entry in entries]
        before, self.size = self.size, self.size + len(nodes)
        odd: list[bytes] = []
        while nodes:
            if before & 1:
                nodes.insert(0, self._peaks.pop())
            if len(nodes) & 1:
                odd.append(nodes.pop())
            nodes, before = _above(nodes), before >> 1
        self._peaks += reversed(odd)

    def hashes(self) -> tuple[str, ...]:
        """What `Frontier(size, hashes)` goes on from."""
        return tuple(one.hex() for one in self._peaks)

    def root(self) -> Digest:
        """What stands for all the entries, and their order."""
        if not self._peaks:
            return _named(_sha256(b"").digest())
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _node(peak, node)
        return _named(node)


def leaf(entry: bytes) -> str:
    """The hash of an entry's bytes as a leaf."""
    return _sha256(b"\0" + entry).hexdigest()


def inclusions(places: Collection[int], entries: Iterable[bytes]) -> dict[int, tuple[str, ...]]:
    """For each place, from 0, the hashes that lead from its leaf up to the root of the tree of all these entries.

    One pass, whatever the number of places; a million entries take a hundred megabytes. IndexError beyond the end.
    """
    level = [_sha256(b"\0" + entry).digest() for entry in entries]
    if any(not 0 <= place < len(level) for place in places):
        message = f"the tree has {len(level)} leaves"
        raise IndexError(message)
    at, paths = {place: place for place in places}, {place: list[str]() for place in places}
    while len(level) > 1:
        for place, here in at.items():
            if here ^ 1 < len(level):
                paths[place].append(level[here ^ 1].hex())
        at = {place: here >> 1 for place, here in at.items()}
        level = _above(level) + level[len(level) & ~1 :]  # an odd one goes up as it is
    return {place: tuple(path) for place, path in paths.items()}


def inclusion(place: int, entries: Iterable[bytes]) -> tuple[str, ...]:
    """As `inclusions`, for one place."""
    return inclusions([place], entries)[place]


def verify_inclusion(entry: bytes, place: int, size: int, path: Sequence[str], root: Digest) -> bool:
    """Whether the path shows that these bytes are the entry at this place, from 0, of that tree."""
    if not 0 <= place < size:
        return False
    node, last, rest = _sha256(b"\0" + entry).digest(), size - 1, [bytes.fromhex(one) for one in path]
    while last:
        if place & 1 or place < last:  # the last of an odd level has nobody beside it, and goes up as it is
            if not rest:
                return False
            beside = rest.pop(0)
            node = _node(beside, node) if place & 1 else _node(node, beside)
        place, last = place >> 1, last >> 1
    return not rest and _named(node) == root


def _above(level: list[bytes]) -> list[bytes]:
    """The nodes over these, a node over each two; of an odd one nothing is made yet."""
    return [_sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]


def _node(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\1" + left + right).digest()


def _named(node: bytes) -> Digest:
    return f"{ALGORITHM}:{node.hex()}"
