"""Digests depend on content alone, and say which algorithm made them."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core import digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_a_file_and_its_bytes_have_the_same_tagged_digest(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    expected = "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert digest.of_file(tmp_path / "f") == digest.of_bytes(b"abc") == expected


@given(st.dictionaries(st.text(), values))
def test_the_order_of_keys_does_not_count(value: dict[str, object]) -> None:
    assert digest.of_json(dict(reversed(value.items()))) == digest.of_json(value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), [float("-inf")]])
def test_canonical_json_refuses_what_json_cannot_say(bad: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest.canonical_json(bad)


def tree(root: Path) -> Path:
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub" / "b.txt").write_text("b")
    return root


def test_equal_trees_in_different_places_and_times_are_equal(tmp_path: Path) -> None:
    one, two = tree(tmp_path / "one"), tree(tmp_path / "two")
    os.utime(two / "a.txt", (1, 1))
    assert digest.of_tree(one) == digest.of_tree(two)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a.txt").write_text("A"),
        lambda root: (root / "a.txt").rename(root / "c.txt"),
        lambda root: (root / "sub" / "b.txt").rename(root / "b.txt"),
        lambda root: (root / "a.txt").chmod(0o755),
        lambda root: (root / "empty").mkdir(),
        lambda root: (root / "link").symlink_to("a.txt"),
    ],
    ids=["content", "name", "place", "executable", "empty folder", "link"],
)
def test_every_change_of_a_tree_changes_its_digest(tmp_path: Path, change: object) -> None:
    root = tree(tmp_path / "one")
    before = digest.of_tree(root)
    change(root)  # type: ignore[operator]
    assert digest.of_tree(root) != before


def test_a_link_counts_by_where_it_points_and_is_not_followed(tmp_path: Path) -> None:
    root = tree(tmp_path / "one")
    (root / "loop").symlink_to(".")
    before = digest.of_tree(root)
    (root / "loop").unlink()
    (root / "loop").symlink_to("sub")
    assert digest.of_tree(root) != before


def test_caches_and_version_control_do_not_count(tmp_path: Path) -> None:
    root = tree(tmp_path / "one")
    before = digest.of_tree(root)
    (root / "sub" / "__pycache__").mkdir()
    (root / "sub" / "__pycache__" / "b.pyc").write_text("x")
    (root / ".git").mkdir()
    assert digest.of_tree(root) == before
