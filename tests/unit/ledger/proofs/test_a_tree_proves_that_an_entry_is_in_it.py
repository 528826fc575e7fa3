"""The tree is that of RFC 6962, grown entry by entry; each entry has a short path to the root, and nothing else has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.digest import Digest
from mlagent.ledger import merkle
from mlagent.ledger.merkle import Frontier

# The reference vectors of the certificate-transparency implementations of RFC 6962.
INPUTS = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
entries = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def root(of: list[bytes]) -> Digest:
    frontier = Frontier()
    frontier.extend(of)
    return frontier.root()


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_the_roots_are_those_of_the_reference_vectors(size: int) -> None:
    assert root(INPUTS[:size]) == f"sha256:{ROOTS[size]}"


@pytest.mark.parametrize(("place", "size"), PATHS)
def test_the_paths_are_those_of_the_reference_vectors(place: int, size: int) -> None:
    path = PATHS[place, size]
    assert list(merkle.inclusion(place, INPUTS[:size])) == path
    assert merkle.verify_inclusion(INPUTS[place], place, size, path, f"sha256:{ROOTS[size]}")


@given(entries)
def test_every_entry_has_a_path(of: list[bytes]) -> None:
    paths = merkle.inclusions(range(len(of)), of)
    assert all(merkle.verify_inclusion(of[place], place, len(of), paths[place], root(of)) for place in paths)
    assert max(map(len, paths.values())) == (len(of) - 1).bit_length()


@given(entries, st.data())
def test_a_path_shows_nothing_but_its_own_entry_at_its_own_place(of: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(of) - 1))
    path = merkle.inclusion(place, of)
    elsewhere = data.draw(st.integers(-2, len(of) + 2).filter(lambda one: one != place))
    assert not merkle.verify_inclusion(of[place] + b"!", place, len(of), path, root(of))
    assert not merkle.verify_inclusion(of[place], place, len(of), [*path, "00" * 32], root(of))
    assert not merkle.verify_inclusion(of[place], place, len(of), path, root([*of, b"more"]))
    if not 0 <= elsewhere < len(of) or of[elsewhere] != of[place]:
        assert not merkle.verify_inclusion(of[place], elsewhere, len(of), path, root(of))
    if path:
        assert not merkle.verify_inclusion(of[place], place, len(of), path[:-1], root(of))


@given(entries, st.data())
def test_a_frontier_goes_on_from_what_it_wrote_down(of: list[bytes], data: st.DataObject) -> None:
    until = data.draw(st.integers(0, len(of)))
    first = Frontier()
    first.extend(of[:until])
    second = Frontier(first.size, first.hashes())
    second.extend(of[until:])
    assert (second.size, second.root()) == (len(of), root(of))


@pytest.mark.parametrize(
    ("size", "hashes"),
    [(1, []), (0, ["00" * 32]), (3, ["00" * 32]), (1, ["00"]), (-1, []), (1, ["zz"])],
    ids=["none", "of nothing", "too few", "short", "negative", "no hex"],
)
def test_a_frontier_that_cannot_be_is_refused(size: int, hashes: list[str]) -> None:
    with pytest.raises(ValueError, match=r"frontier|hexadecimal"):
        Frontier(size, hashes)


@pytest.mark.parametrize("place", [-1, 3])
def test_there_is_no_path_from_beyond_the_end(place: int) -> None:
    with pytest.raises(IndexError, match="the tree has 3 leaves"):
        merkle.inclusion(place, INPUTS[:3])
