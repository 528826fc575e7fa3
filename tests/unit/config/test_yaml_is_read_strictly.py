"""Whatever stands in the file, the answer is a value with its line or an error with its line."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagent.config.yaml_file import read
from mlagent.errors import ConfigError


def test_every_key_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("# a comment\na:\n  b: 1\n\n  c: {d: 2}\n")
    document = read(tmp_path / "f.yaml")
    assert document.values == {"a": {"b": 1, "c": {"d": 2}}}
    assert document.where("a", "c", "d") == "f.yaml:5"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: a stands twice, first on line 1"),
        ("a:\n  b: 1\n  b: 1\n", "f.yaml:3: a.b stands twice, first on line 2"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2: not YAML"),
        ("a:\n\tb: 1\n", "f.yaml:2: not YAML"),
        ("- a\n- b\n", "f.yaml:1: expected sections such as `train:`, found list"),
        ("just text\n", "f.yaml:1: expected sections"),
        ("a: &x [*x]\n", "f.yaml:1: too many values, or nested too deeply"),
        ("a: !!python/object:os.system x\n", "f.yaml:1: the tag or form"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: not YAML"),
        ("a: !!binary aGk=\n", "f.yaml:1: the tag or form 'binary'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        read(tmp_path / "f.yaml")
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def test_bytes_that_are_not_utf_8_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes("a: 1\nb: Größe\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"f.yaml:2: not UTF-8 text"):
        read(tmp_path / "f.yaml")


def test_aliases_that_double_again_and_again_are_cut_short(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    (tmp_path / "f.yaml").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="too many values"):
        read(tmp_path / "f.yaml")


def test_a_byte_order_mark_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read(tmp_path / "f.yaml").values == {"a": 1}


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.binary(max_size=60), st.text(alphabet="a:-[]{}&*!|>'\"#\n\t %@`?,1.~<=", max_size=60).map(str.encode))
)
def test_no_bytes_at_all_end_in_anything_but_a_value_or_a_kind_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "f.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(read(path).values, dict)
    except ConfigError as error:
        assert error.hint
