"""A bearer token from a file: who does not show it is refused, health is open, and a renewed one counts soon."""

import os
from pathlib import Path

import pytest

from mlagent.serving.app import App
from mlagent.serving.faults import CannotServe
from mlagent.serving.metrics import Meter
from mlagent.serving.routes import READY, Health, Route
from mlagent.serving.token import Token
from tests.unit.serving.conftest import Answer, Caller, answers


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("first\nsecond line\n")
    return tmp_path / "token"


class Guarded:
    """A route for bearers, and one for all."""

    def __init__(self, caller: Caller, file: Path) -> None:
        """Take the token of a file."""
        self._caller, health = caller, Health()
        routes = {READY: Route("GET", health.asked, READY, guarded=False), "/x": Route("GET", health.live, "/x")}
        self.app = App(routes, Meter({}, list(routes)), token=Token(file))

    def get(self, path: str, shown: str = "") -> Answer:
        """Ask, and show something."""
        connection, wire = self._caller.connect(self.app)
        field = f"authorization: {shown}\r\n" if shown else ""
        connection.data_received(f"GET {path} HTTP/1.1\r\nhost: a\r\n{field}\r\n".encode())
        return answers(wire.written)[0]


@pytest.mark.parametrize("shown", ["", "first", "Bearer", "Bearer firs", "Bearer first2", "Basic first", "Bearer é"])
def test_who_does_not_show_it_is_refused_and_told_how(caller: Caller, file: Path, shown: str) -> None:
    told = Guarded(caller, file).get("/x", shown)
    assert (told.status, told.headers[b"www-authenticate"]) == (401, b"Bearer")
    assert "first" not in told.json["error"]


@pytest.mark.parametrize("shown", ["Bearer first", "bearer first", "BEARER  first "])
def test_who_shows_it_is_answered(caller: Caller, file: Path, shown: str) -> None:
    assert Guarded(caller, file).get("/x", shown).status == 200


def test_health_is_open(caller: Caller, file: Path) -> None:
    assert Guarded(caller, file).get(READY).status == 200


def test_a_renewed_one_counts_at_the_next_tick_and_one_that_is_gone_leaves_the_old(
    caller: Caller, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = Guarded(caller, file)
    file.write_text("another-one")
    os.utime(file, (1, 1))
    guarded.app.tick()
    assert [guarded.get("/x", f"Bearer {one}").status for one in ("first", "another-one")] == [401, 200]
    file.unlink()
    guarded.app.tick()
    assert guarded.get("/x", "Bearer another-one").status == 200
    assert "the token before it still counts" in caplog.text
    assert "another-one" not in caplog.text


@pytest.mark.parametrize("text", ["", "\n", "  \nx"])
def test_a_file_without_one_does_not_start_a_server(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(CannotServe, match="its first line is empty"):
        Token(tmp_path / "token")
    with pytest.raises(CannotServe, match="cannot be used"):
        Token(tmp_path / "nowhere")
