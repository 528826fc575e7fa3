"""uv is given the index that pip has, by its environment alone, and what it says is sorted by what to do about it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlagent.errors import ConfigError, InfrastructureError, TeamCodeError
from mlagent.image import uv

SECRET = "hunter2-of-the-index"


class Uv:
    """Children whose uv fails with a text, or is not there."""

    def __init__(self, said: str, status: int = 1) -> None:
        self.said, self.status = said, status
        self.command: Sequence[str] = ()
        self.env: Mapping[str, str] = {}

    def execute(self, command: Sequence[str], *, seconds: float, env: Mapping[str, str], kept: Path) -> int:
        assert seconds
        self.command, self.env = command, env
        if self.status < 0:
            raise ConfigError("no such program") if self.status == -1 else TeamCodeError("it took longer")
        kept.write_text(self.said)
        return self.status


def said(tmp_path: Path, children: Any) -> str:
    return uv.run(["install", "x"], children, tmp_path / "log")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither pip nor uv is set up here."""
    for name in (
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_CERT",
        "PIP_NO_INDEX",
        "UV_INDEX",
        "UV_INDEX_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))


def test_pips_index_is_handed_on_by_the_environment_and_never_in_a_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"https://joe:{SECRET}@example.org/simple")
    children = Uv("", 0)
    assert said(tmp_path, children) == ""
    assert children.env["UV_DEFAULT_INDEX"] == f"https://joe:{SECRET}@example.org/simple"
    assert SECRET not in " ".join(children.command)


def test_the_environment_counts_more_than_pips_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file/\nextra-index-url = https://a/ https://b/\n")
    assert uv.index({})["UV_DEFAULT_INDEX"] == "https://file/"
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment/")
    found = uv.index({})
    assert found["UV_DEFAULT_INDEX"] == "https://environment/"
    assert found["UV_INDEX"] == "https://a/ https://b/"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_where_uv_has_an_index_of_its_own_pips_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip/")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        assert uv.index({name: "https://uv/"}) == {}


@pytest.mark.parametrize(("value", "told"), [("1", "1"), ("true", "1"), ("0", "0")])
def test_who_may_ask_no_index_asks_none(monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", value)
    assert uv.index({})["UV_NO_INDEX"] == told


def test_what_is_locked_is_installed_whatever_else_binds_versions(tmp_path: Path) -> None:
    children: Any = Uv("", 0)
    uv.run(["sync", "x"], children, tmp_path / "log")
    assert {"UV_CONSTRAINT": "", "UV_OVERRIDE": "", "UV_EXCLUDE": ""}.items() <= children.env.items()
    said(tmp_path, children)
    assert "UV_CONSTRAINT" not in children.env


def test_a_wheelhouse_that_lacks_a_wheel_is_named(tmp_path: Path) -> None:
    assert str(tmp_path) in uv.cannot_install("no version of numpy==2", "serving.lock", tmp_path).hint


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("error: Failed to fetch\n  cause: error sending request for url (x)\n", InfrastructureError, "index is away"),
        ("error: x\n  cause: HTTP status server error (503 Service Unavailable)\n", InfrastructureError, "is away"),
        ("error: x\n  cause: HTTP status client error (401 Unauthorized)\n", ConfigError, "lets nobody in"),
        ("error: Failed to initialize cache at `/.cache/uv`\n  cause: Permission denied\n", ConfigError, "cannot keep"),
        ("error: failed\n  cause: No space left on device (os error 28)\n", InfrastructureError, "the disk is full"),
    ],
)
def test_what_uv_says_is_told_by_what_to_do(tmp_path: Path, text: str, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        said(tmp_path, Uv(text))


def test_a_password_in_what_uv_says_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError) as raised:
        said(tmp_path, Uv(f"error sending request for url (https://joe:{SECRET}@example.org/)"))
    assert SECRET not in raised.value.message


def test_no_uv_is_a_matter_of_setting_up(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no program uv") as raised:
        said(tmp_path, Uv("", -1))
    assert "mlagent[image]" in raised.value.hint


def test_a_uv_that_takes_too_long_is_not_the_teams_fault(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="it took longer"):
        said(tmp_path, Uv("", -2))
