"""A renewed token, slow bodies and clients that leave: both processes know, and keep nothing."""

import time
from pathlib import Path

import pytest

from tests.e2e.serving.line import Line, Said
from tests.e2e.serving.several import Several, several, wait_for

MIB = 1 << 20
OLD, NEW = "the-token-before-s3cr3t", "the-token-after-s3cr3t"
METADATA = b"GET /v2/models/kinds HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n\r\n"
BEGUN = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def asked(line: Line, sent: bytes) -> Said:
    line.send(sent)
    said = line.answer()
    assert said
    return said


def seen(server: Several) -> bytes:
    """All that others can see of its processes: argument lists, environments, names."""
    found = [
        Path(f"/proc/{pid}/{name}").read_bytes()
        for pid in (server.process.pid, *server.workers())
        for name in ("cmdline", "environ", "comm")
    ]
    return b"".join(found)


def test_a_renewed_token_is_known_to_both_soon_and_seen_nowhere(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{OLD}\n")
    with several(tmp_path, "--token-file", str(token), "--access-log", "1") as server:
        lines = [Line(server.port) for _ in range(2)]  # a client a process
        assert [asked(one, METADATA % OLD.encode()).status for one in lines] == [200, 200]
        assert [asked(one, METADATA % NEW.encode()).status for one in lines] == [401, 401]
        (tmp_path / "next").write_text(f"{NEW}\n")
        (tmp_path / "next").rename(token)
        wait_for(lambda: [asked(one, METADATA % NEW.encode()).status for one in lines] == [200, 200], 5)
        assert [asked(one, METADATA % OLD.encode()).status for one in lines] == [401, 401]
        token.unlink()
        time.sleep(1.5)
        assert [asked(one, METADATA % NEW.encode()).status for one in lines] == [200, 200]
        for one in (OLD, NEW):
            assert one.encode() not in seen(server)
        for line in lines:
            line.close()
    said = server.errors()
    assert "the token before it still counts" in said
    assert (OLD in said, NEW in said) == (False, False)


def test_a_body_that_does_not_come_is_told_so_and_holds_nobody_up(tmp_path: Path) -> None:
    with several(tmp_path, "--request-seconds", "1") as server:
        slow = [Line(server.port) for _ in range(20)]
        for one in slow:
            one.send(BEGUN % 1000 + b"{")
        other = Line(server.port)
        begun = time.monotonic()
        while time.monotonic() - begun < 0.5:
            assert asked(other, b"GET /v2/health/ready HTTP/1.1\r\nhost: x\r\n\r\n").status == 200
        for one in slow:
            said = one.answer()
            assert said
            assert (said.status, said.closes) == (408, True)
            assert one.answer() is None
            one.close()
        other.close()


@pytest.mark.parametrize("leaves", ["closed", "answered"])
def test_the_memory_of_bodies_is_given_back_whoever_leaves(tmp_path: Path, leaves: str) -> None:
    """More than all that bodies may take, a piece at a time: were anything kept, the last would be refused (503)."""
    body = b'{"rows": [' + b" " * (2 * MIB - 20) + b"]}"
    with several(tmp_path) as server:
        for _ in range(600):
            line = Line(server.port)
            if leaves == "closed":
                line.send(BEGUN % len(body) + body[:-1])
            else:
                assert asked(line, BEGUN % len(body) + body).status == 400
            line.close()
        wait_for(lambda: server.gauge("connections") == 0)
        lines = [Line(server.port) for _ in range(2)]
        assert [asked(one, BEGUN % len(body) + body).status for one in lines] == [400, 400]
        for one in lines:
            one.close()
