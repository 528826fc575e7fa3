"""Pieces arrive whatever happens on the way, and what has arrived is not sent again."""

import os
from pathlib import Path

import pytest

from mlagent.adapters.oci_registry import upload
from mlagent.adapters.oci_registry.client import RegistryClient
from mlagent.adapters.oci_registry.refusals import Damaged
from mlagent.core.ports.images import Sent
from mlagent.errors import ConfigError, InfrastructureError, PolicyRefused
from tests.contract.image_registries import Piece, piece
from tests.registry_server import Answer, Double, Fault, error
from tests.unit.registry.conftest import Opened, Waits

CHUNK = 100_000
SIZE = 10 * CHUNK
PATH = "acme/risk"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CHUNK", CHUNK)
    monkeypatch.setattr(upload, "SMALLEST", 1000)


@pytest.fixture
def large(tmp_path: Path) -> Piece:
    return piece(tmp_path, os.urandom(SIZE))


def push(client: RegistryClient, one: Piece) -> Sent:
    return client.push(PATH, one.digest, one.give)


def arrived(double: Double, one: Piece) -> bool:
    return double.blobs[PATH].get(one.digest) == one.path.read_bytes()


def test_chunks_are_sent_one_after_another_and_nothing_twice(
    client: RegistryClient, double: Double, large: Piece
) -> None:
    assert push(client, large) == Sent(SIZE, "uploaded")
    assert arrived(double, large)
    assert double.count("PATCH") == 10
    assert double.received == SIZE


def test_a_small_piece_takes_three_requests(client: RegistryClient, double: Double, tmp_path: Path) -> None:
    push(client, piece(tmp_path, b"small"))
    assert [one.method for one in double.seen if one.target != "/v2/"] == ["HEAD", "POST", "PUT"]


def test_an_empty_piece_arrives(client: RegistryClient, double: Double, tmp_path: Path) -> None:
    one = piece(tmp_path, b"")
    assert push(client, one) == Sent(0, "uploaded")
    assert arrived(double, one)


@pytest.mark.parametrize("take", [0, 1, 2, 30_000, CHUNK])
def test_after_a_cut_only_what_had_not_arrived_is_sent(
    client: RegistryClient, double: Double, large: Piece, take: int
) -> None:
    push(client, piece(large.path.parent, b"something before"))
    double.received = 0
    double.faults.append(Fault("PATCH", "", take=take))
    sent = push(client, large)
    assert arrived(double, large)
    assert sent.how == "uploaded"
    assert double.received <= SIZE + 3 * CHUNK * (take == 1)  # a range of `0-0` may be one byte or none
    assert double.count("POST", "uploads/$") <= 3


def test_a_registry_that_is_down_for_a_while_is_waited_for(
    client: RegistryClient, double: Double, large: Piece, waits: Waits
) -> None:
    def plant(done: int, _of: int) -> None:
        if done == 3 * CHUNK:
            double.faults += [
                Fault("PATCH", "", take=40_000),
                *(Fault("GET", "uploads/", Answer(503)) for _ in range(4)),
            ]

    client.push(PATH, large.digest, large.give, progress=plant)
    assert arrived(double, large)
    assert double.received == SIZE
    assert len(waits.seconds) == 5
    assert "trying again" in waits.said[0]


def test_patience_ends(client: RegistryClient, double: Double, large: Piece, waits: Waits) -> None:
    double.faults += [Fault("PATCH", "", Answer(503)), *(Fault("GET", "uploads/", Answer(503)) for _ in range(99))]
    with pytest.raises(InfrastructureError, match="answered 503"):
        push(client, large)
    assert 50 < sum(waits.seconds) < 80


def test_a_registry_says_how_long_it_wants_to_be_left_alone(
    client: RegistryClient, double: Double, large: Piece, waits: Waits
) -> None:
    double.faults.append(Fault("PATCH", "", Answer(429, b"", {"Retry-After": "7"})))
    push(client, large)
    assert waits.seconds == [7.0]


def test_another_part_than_it_wants_is_put_right(client: RegistryClient, double: Double, large: Piece) -> None:
    double.faults.append(Fault("PATCH", "", error(416, "RANGE_INVALID")))
    push(client, large)
    assert arrived(double, large)
    assert double.count("POST") == 1


def test_a_chunk_whose_answer_was_lost_is_not_sent_again(client: RegistryClient, double: Double, large: Piece) -> None:
    double.faults.append(Fault("PATCH", "", after=True))
    assert push(client, large).bytes == SIZE
    assert double.received == SIZE


@pytest.mark.parametrize("fault", [Fault("PATCH", "", error(404, "GONE")), Fault("PUT", "digest=", error(404, "GONE"))])
def test_an_upload_that_the_registry_lost_begins_anew(
    client: RegistryClient, double: Double, large: Piece, fault: Fault
) -> None:
    double.faults.append(fault)
    push(client, large)
    assert arrived(double, large)
    assert double.count("POST") == 2


def test_an_upload_that_is_always_lost_is_given_up(client: RegistryClient, double: Double, large: Piece) -> None:
    double.faults += [Fault("PATCH", "", error(404, "GONE")) for _ in range(9)]
    with pytest.raises(InfrastructureError, match="lost the upload"):
        push(client, large)


def test_the_end_whose_answer_was_lost_is_looked_up(client: RegistryClient, double: Double, large: Piece) -> None:
    double.faults.append(Fault("PUT", "digest=", after=True))
    assert push(client, large) == Sent(SIZE, "uploaded")
    assert double.received == SIZE
    assert double.count("PUT") == 1


def test_a_small_piece_whose_answer_was_lost_is_not_sent_again(
    client: RegistryClient, double: Double, tmp_path: Path
) -> None:
    double.faults.append(Fault("PUT", "digest=", after=True))
    assert push(client, piece(tmp_path, b"small")) == Sent(5, "uploaded")
    assert double.received == 5


def test_a_small_piece_that_was_cut_off_is_sent_again(client: RegistryClient, double: Double, tmp_path: Path) -> None:
    double.faults.append(Fault("PUT", "digest="))
    one = piece(tmp_path, b"small")
    push(client, one)
    assert arrived(double, one)


def test_a_registry_without_chunks_gets_the_whole_at_once(client: RegistryClient, double: Double, large: Piece) -> None:
    double.chunks = False
    push(client, large)
    assert arrived(double, large)
    assert [one.size for one in double.seen if one.method == "PUT"] == [SIZE]


def test_a_proxy_that_takes_less_gets_less(client: RegistryClient, double: Double, large: Piece) -> None:
    double.most_body = CHUNK // 2
    push(client, large)
    assert arrived(double, large)


def test_a_proxy_that_takes_almost_nothing_is_named(client: RegistryClient, double: Double, large: Piece) -> None:
    double.most_body = 10
    with pytest.raises(ConfigError, match="413") as raised:
        push(client, large)
    assert "client_max_body_size" in raised.value.hint


def test_chunks_are_as_large_as_the_registry_wants(client: RegistryClient, double: Double, large: Piece) -> None:
    double.least_chunk = 5 * CHUNK
    push(client, large)
    assert [one.size for one in double.seen if one.method == "PATCH"] == [5 * CHUNK, 5 * CHUNK]


def test_what_arrived_changed_is_an_error(client: RegistryClient, double: Double, large: Piece) -> None:
    double.faults.append(Fault("PUT", "digest=", error(400, "DIGEST_INVALID")))
    with pytest.raises(Damaged, match="is not sha256"):
        push(client, large)


def test_a_full_registry_is_named(client: RegistryClient, double: Double, large: Piece) -> None:
    double.faults.append(Fault("PUT", "digest=", error(507, "NO_ROOM")))
    with pytest.raises(InfrastructureError, match="507") as raised:
        push(client, large)
    assert "no room" in raised.value.hint


def test_a_quota_is_named_whatever_the_status(client: RegistryClient, double: Double, large: Piece) -> None:
    message = "adding 10 MiB of storage resource, which will exceed the configured quota"
    double.faults.append(Fault("POST", "uploads", error(403, "DENIED", message)))
    with pytest.raises(InfrastructureError, match="configured quota"):
        push(client, large)


def test_who_may_not_push_is_told_so(open_: Opened, double: Double, large: Piece) -> None:
    double.faults.append(Fault("POST", "uploads", error(403, "DENIED", "read only")))
    with pytest.raises(PolicyRefused, match=r"DENIED: read only; it was asked by nobody: "):
        push(open_(double.host), large)


def test_a_lender_who_refuses_is_passed_over(client: RegistryClient, double: Double, large: Piece) -> None:
    double.blobs["base"][large.digest] = large.path.read_bytes()
    double.refuses_mounts = True
    assert client.push(PATH, large.digest, large.give, ("base",)).how == "uploaded"


def test_an_upload_that_began_instead_of_a_loan_is_used(client: RegistryClient, double: Double, large: Piece) -> None:
    client.push(PATH, large.digest, large.give, ("one", "two"))
    assert double.count("POST") == 2
    assert double.uploads == {}
