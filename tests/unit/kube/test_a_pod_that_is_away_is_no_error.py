"""What comes from the pod is told from what the API server says in its place."""

import pytest

from mlagent.adapters.kube.cluster import KubeCluster
from mlagent.errors import ConfigError, InfrastructureError
from tests.api_server_double import Answer, Double, status

PROXY = "/api/v1/namespaces/risk/pods/one:8001/proxy/metrics$"
SINCE_1_21 = "error trying to reach service: dial tcp 10.1.0.7:8001: connect: connection refused"
UP_TO_1_20 = b"Error trying to reach service: 'dial tcp 10.1.0.7:8001: connect: connection refused'"


@pytest.mark.parametrize("code", [200, 404, 500, 503])
def test_whatever_the_pod_answers_is_an_answer(double: Double, cluster: KubeCluster, code: int) -> None:
    double.says(PROXY, Answer(code, "schön".encode(), "text/plain"))
    answer = cluster.ask("one", 8001, "/metrics")
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (code, "text/plain")
    assert answer.body.decode() == "schön"


@pytest.mark.parametrize(
    "answer",
    [
        status(503, SINCE_1_21, "ServiceUnavailable"),
        status(500, SINCE_1_21, "InternalError"),
        Answer(503, UP_TO_1_20, "text/plain"),
        status(404, 'pods "one" not found', "NotFound"),
        status(400, "address not allowed", "BadRequest"),
        status(504, "request timed out", "Timeout"),
        Answer(-1),
    ],
    ids=["since 1.21", "as 500", "up to 1.20", "no such pod", "no address yet", "timed out", "silent"],
)
def test_a_pod_that_is_away_gives_none(double: Double, cluster: KubeCluster, answer: Answer) -> None:
    double.says(PROXY, answer)
    assert cluster.ask("one", 8001, "/metrics", 0.2) is None


def test_an_api_server_in_trouble_is_not_a_pod_that_is_away(double: Double, cluster: KubeCluster) -> None:
    for answer in (status(503, "apiserver is shutting down"), status(429, "too many requests"), Answer(0)):
        double.says(PROXY, answer)
        with pytest.raises(InfrastructureError):
            cluster.ask("one", 8001, "/metrics")


def test_one_who_may_not_ask_is_told_so(double: Double, cluster: KubeCluster) -> None:
    double.says(PROXY, status(403, 'User "ci" cannot get resource "pods/proxy"', "Forbidden"))
    with pytest.raises(ConfigError, match="get pods/proxy one in namespace risk"):
        cluster.ask("one", 8001, "/metrics")


def test_a_pod_that_redirects_is_not_followed(double: Double, cluster: KubeCluster) -> None:
    double.says(PROXY, Answer(302, b"elsewhere", "text/plain"))
    answer = cluster.ask("one", 8001, "/metrics")
    assert answer is not None
    assert (answer.status, answer.body) == (302, b"elsewhere")


def test_lines_are_asked_of_the_first_container(double: Double, cluster: KubeCluster) -> None:
    double.says("GET .*/pods/one$", Answer(200, {"spec": {"containers": [{"name": "server"}, {"name": "sidecar"}]}}))
    double.says("GET .*/pods/one/log", Answer(200, b"a\nb\n", "text/plain"))
    assert list(cluster.said("one", 7, previous=True)) == ["a", "b"]
    [asked] = double.asked("/log")
    assert asked.target.partition("?")[2] == "tailLines=7&previous=true&container=server"


@pytest.mark.parametrize(("noted", "asked_of"), [("server", "server"), ("nobody", "mesh")])
def test_lines_are_asked_of_the_main_container_where_a_mesh_comes_first(
    double: Double, cluster: KubeCluster, noted: str, asked_of: str
) -> None:
    pod = {
        "metadata": {"annotations": {"kubectl.kubernetes.io/default-container": noted}},
        "spec": {"containers": [{"name": "mesh"}, {"name": "server"}]},
    }
    double.says("GET .*/pods/one$", Answer(200, pod))
    double.says("GET .*/pods/one/log", Answer(200, b"a\n", "text/plain"))
    assert list(cluster.said("one", 7)) == ["a"]
    assert double.asked("/log")[0].target.endswith(f"container={asked_of}")


@pytest.mark.parametrize("code", [400, 403, 404, 500])
def test_lines_that_cannot_be_had_are_none(double: Double, cluster: KubeCluster, code: int) -> None:
    double.says("GET .*/pods/one$", Answer(200, {"spec": {"containers": [{"name": "server"}]}}))
    double.says("GET .*/pods/one/log", status(code, "container is waiting to start"))
    assert list(cluster.said("one", 7)) == []
