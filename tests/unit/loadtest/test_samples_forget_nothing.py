"""Latency counts from when a request was due, and what never ended counts as failed."""

from pathlib import Path

import numpy as np
import pytest

from mlagent.errors import InputError
from mlagent.loadtest import samples
from mlagent.loadtest.samples import Shot

MOMENTS = np.array([1.0, 1.1, 1.2, 5.0])


def test_latency_counts_from_the_moment_a_request_was_due() -> None:
    shots = [Shot(0, 1.0, 2.0, 200, 9), Shot(2.0, 2.0, 2.1, 200, 9), Shot(2.1, 2.1, 2.2, 503, 9)]
    assert samples.settle(MOMENTS, shots, 10)["latency"][:3] == pytest.approx([1.0, 1.0, 1.0])


def test_the_meter_is_late_only_while_a_user_is_free() -> None:
    shots = [Shot(0, 1.05, 2.0), Shot(2.0, 2.0, 2.1), Shot(2.1, 2.13, 2.2), Shot(2.2, 5.0, 5.1)]
    assert samples.settle(MOMENTS, shots, 10)["lag"] == pytest.approx([0.05, 0, 0.03, 0])


def test_a_meter_that_was_held_up_is_late_with_all_that_it_then_had_to_send() -> None:
    due = np.arange(1.0, 3.0, 0.01)
    sent = np.maximum(due, np.where(due < 2, 2 + np.arange(200) * 0.002, 0))  # two users, held up until 2 s
    shots = [Shot(float(one), float(one), float(one) + 0.004, 200) for one in sent]
    found = samples.settle(due, shots, 10, users=2)
    assert found["lag"] == pytest.approx(np.maximum(sent - due, 0))
    assert (found["lag"] > 0.005).sum() > 90


def test_a_server_that_stalled_makes_nobody_late() -> None:
    due = np.arange(1.0, 3.0, 0.01)
    shots, free = list[Shot](), [0.0, 0.0]
    for moment in due.tolist():
        taken = min(free)
        begins = max(moment, taken)
        ends = 2.0 if moment <= 1.01 else begins + 0.004  # both users wait for an answer until 2 s
        free[free.index(taken)] = ends
        shots.append(Shot(taken, begins + 0.0001, ends, 200))
    found = samples.settle(due, shots, 10, users=2)
    assert found["latency"].max() > 0.9
    assert found["lag"].max() < 0.005


def test_what_was_due_and_did_not_end_failed_and_waited_until_the_end() -> None:
    rows = samples.settle(MOMENTS, [None, Shot(1.0, 1.1, 1.15, 200, 9)], 7)
    assert rows["status"].tolist() == [0, 200, 0, 0]
    assert rows["latency"] == pytest.approx([6.0, 0.05, 5.8, 2.0])
    assert rows["bytes"].tolist() == [0, 9, 0, 0]
    assert (samples.settle(MOMENTS, [], 7)["status"] == 0).all()


def test_service_counts_from_the_moment_a_request_was_sent_and_is_not_a_number_for_what_never_was() -> None:
    rows = samples.settle(MOMENTS, [Shot(0, 1.0, 1.5, 200, 9), Shot(1.5, 1.5), None, None], 7)
    assert rows["service"] == pytest.approx([0.5, 5.5, np.nan, np.nan], nan_ok=True)
    assert rows["latency"] == pytest.approx([0.5, 5.9, 5.8, 2.0])
    assert samples.sent(rows) == pytest.approx([1.0, 1.5, np.nan, np.nan], nan_ok=True)
    assert rows["status"].tolist() == [200, 0, 0, 0]


def test_a_wrong_answer_is_marked_and_what_never_ended_is_not() -> None:
    rows = samples.settle(MOMENTS, [Shot(0, 1.0, 1.1, 200, 9, wrong=True), Shot(1.1, 1.1, 1.2, 200, 9)], 10)
    assert rows["wrong"].tolist() == [True, False, False, False]


def test_only_2xx_is_an_answer() -> None:
    rows = np.zeros(6, samples.DTYPE)
    rows["status"] = [0, 200, 204, 302, 404, 500]
    assert samples.failed(rows).tolist() == [True, False, False, True, True, True]


def test_users_are_joined_by_when_requests_were_due() -> None:
    parts = [samples.settle(np.array(moments), [], 9) for moments in ([1.0, 4.0], [], [2.0, 3.0])]
    assert samples.join(parts)["intended"].tolist() == [1, 2, 3, 4]


def test_a_file_gives_back_every_bit(tmp_path: Path) -> None:
    rows = samples.settle(MOMENTS, [Shot(1.0, 1.0 + 1e-9, 1.0 + 3e-9, 200, 2**40)], 7)
    samples.write(tmp_path / "samples.npy", rows)
    assert samples.read(tmp_path / "samples.npy").tobytes() == rows.tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["samples.npy"]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00v\x00{'descr'"])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "samples.npy").write_bytes(content)
    with pytest.raises(InputError, match="samples cannot be read"):
        samples.read(tmp_path / "samples.npy")


def test_an_array_of_something_else_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "samples.npy", np.zeros(3))
    with pytest.raises(InputError, match="does not hold a load test's samples"):
        samples.read(tmp_path / "samples.npy")
