"""What a pod counted is kept when it goes, or its process begins anew."""

from collections.abc import Mapping
from typing import cast

import msgspec

from mlagent.core.ports.cluster import Cluster, Replied
from mlagent.rollout.counters import Counters
from mlagent.rollout.readings import Readings, read, read_kept
from mlagent.rollout.seen import PodSeen


def text(requests: int, started: float = 1.0, errors: int = 0) -> bytes:
    return "".join(
        (
            f'mlagent_serving_requests_total{{route="/predict",status="200"}} {requests - errors}.0\n',
            f'mlagent_serving_requests_total{{route="/predict",status="500"}} {errors}.0\n',
            'mlagent_serving_model_info{name="risk",digest="sha256:a"} 1.0\n',
            f"process_start_time_seconds {started}\n",
        )
    ).encode()


class Answering:
    """A cluster of which only pods are asked."""

    def __init__(self, **bodies: bytes | int | None) -> None:
        self.bodies = bodies

    def ask(self, pod: str, port: int, path: str) -> Replied | None:
        assert (port, path) == (8001, "/metrics")
        body = self.bodies[pod]
        if isinstance(body, int):
            return Replied(body, {}, b"")
        return None if body is None else Replied(200, {}, body)


def pods(*names: str, restarts: int = 0) -> list[PodSeen]:
    return [PodSeen(name=one, uid=f"u-{one}", placement="p", ready=True, restarts=restarts) for one in names]


def ask(before: Readings, restarts: int = 0, **bodies: bytes | int | None) -> Readings:
    return read(cast("Cluster", Answering(**bodies)), pods(*bodies, restarts=restarts), before)


def test_all_pods_are_summed_up() -> None:
    found = ask(Readings(), a=text(5), b=text(7, errors=2))
    assert (found.total.requests, found.total.errors) == (12, 2)
    assert found.unread == ()


def test_a_pod_that_vanished_still_counts_by_its_last_reading() -> None:
    found = ask(ask(Readings(), a=text(5), b=text(7)), b=text(9))
    assert found.total.requests == 14


def test_a_process_that_began_anew_adds_to_what_the_one_before_counted() -> None:
    found = ask(ask(Readings(), a=text(5, started=1.0)), a=text(2, started=9.0), restarts=1)
    assert found.total.requests == 7
    assert found.restarted == 1


def test_restarts_of_a_pod_that_vanished_are_not_forgotten() -> None:
    assert ask(ask(Readings(), restarts=3, a=text(5)), restarts=1, b=text(1)).restarted == 4


def test_a_pod_that_cannot_be_read_is_named_and_its_last_reading_stays() -> None:
    before = ask(Readings(), a=text(5), b=text(5), c=text(5))
    found = ask(before, a=None, b=503, c=b"nonsense")
    assert found.total.requests == 15
    assert [one.partition(":")[0] for one in found.unread] == ["a", "b", "c"]
    assert [one for one in found.unread if "503" in one] == ["b: it answers 503"]


def test_an_older_reading_of_the_same_process_does_not_take_a_newer_ones_place() -> None:
    assert ask(ask(Readings(), a=text(5)), a=text(4)).total.requests == 5


def test_readings_come_back_from_a_record_as_they_were() -> None:
    found = ask(Readings(), a=text(5), b=text(7, errors=2))
    kept = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(found)))
    assert msgspec.convert(kept, Readings) == found


def test_prometheus_is_asked_once_for_all_pods_and_what_it_lacks_is_named() -> None:
    asked: list[str] = []

    def series(query: str) -> list[tuple[Mapping[str, str], float]]:
        asked.append(query)
        names = {"__name__": "mlagent_serving_model_info", "pod": "a"}
        return [(names, 1.0), ({"__name__": "process_start_time_seconds", "pod": "a"}, 4.5)]

    found = read_kept(series, "risk", pods("a", "b"))
    assert len(asked) == 1
    assert found.counts == {"u-a@4.5": Counters(started=4.5)}
    assert found.unread == ("b: Prometheus has no series with this `namespace` and `pod`",)
    assert read_kept(series, "risk", []).counts == {}
    assert len(asked) == 1
