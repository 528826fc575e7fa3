"""Deployments and pods as an API server gives them, and the facts in them."""

import copy
from typing import Any

import pytest

from mlagent.adapters.memory_cluster import MemoryCluster
from mlagent.core.ports.cluster import Object
from mlagent.rollout.edits import edits, reclaimed
from mlagent.rollout.faults import fault, waiting
from mlagent.rollout.look import asked, look
from mlagent.rollout.names import ASKED
from mlagent.rollout.seen import Seen
from tests.rollout_cluster import Place, manifest


def container(**changes: Any) -> dict[str, Any]:
    return {"name": "server", "restartCount": 0, "state": {"running": {}}, "lastState": {}} | changes


def pod(*containers: dict[str, Any], **status: Any) -> Object:
    return {"metadata": {"name": "one"}, "status": {"containerStatuses": list(containers)} | status}


def waits(reason: str, message: str = "why") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(reason: str, code: int) -> dict[str, Any]:
    return {"terminated": {"reason": reason, "exitCode": code}}


@pytest.mark.parametrize(
    ("seen", "what", "said"),
    [
        (container(state=waits("CrashLoopBackOff"), lastState=ended("Error", 3)), "crash-loop", "exit code 3"),
        (container(restartCount=2, lastState=ended("Error", 3)), "crash-loop", "ended 2 times, last with Error"),
        (container(state=waits("ImagePullBackOff")), "image-pull", "ImagePullBackOff, why"),
        (container(state=waits("InvalidImageName")), "image-pull", "InvalidImageName, why"),
        (container(state=waits("ErrImageNeverPull")), "image-pull", "ErrImageNeverPull, why"),
        (container(restartCount=1, lastState=ended("OOMKilled", 137)), "out-of-memory", "OOMKilled, exit code 137"),
        (container(state=ended("OOMKilled", 137)), "out-of-memory", "OOMKilled"),
        (container(state=waits("CreateContainerConfigError")), "not-created", "CreateContainerConfigError, why"),
        (container(state=waits("RunContainerError")), "not-created", "RunContainerError, why"),
    ],
)
def test_what_will_not_get_well_is_a_fault(seen: dict[str, Any], what: str, said: str) -> None:
    found = fault(pod(seen))
    assert found is not None
    assert (found.what, said in found.said) == (what, True)
    assert fault({"metadata": {}, "status": {"initContainerStatuses": [seen]}}) == found


@pytest.mark.parametrize(
    "seen",
    [
        container(),
        container(restartCount=1, lastState=ended("Error", 1)),
        container(restartCount=5, lastState=ended("Completed", 0)),
        container(state=waits("ErrImagePull")),
        container(state=waits("ContainerCreating")),
    ],
)
def test_what_may_get_well_is_none(seen: dict[str, Any]) -> None:
    assert fault(pod(seen)) is None


def test_what_a_pod_waits_for_is_in_the_clusters_words() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    assert waiting(pod(conditions=[condition])) == "Unschedulable, 0/1 nodes"
    assert waiting(pod(container(state=waits("ErrImagePull", "not found\n")))) == "ErrImagePull, not found"
    assert waiting(pod(container())) == ""


FIELDS: dict[str, Any] = {
    "f:metadata": {"f:annotations": {".": {}, "f:mine": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:template": {
            "f:metadata": {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"server"}': {
                        "f:env": {'k:{"name":"B"}': {".": {}, "f:name": {}, "f:value": {}}},
                        "f:image": {},
                        "f:ports": {'k:{"containerPort":8000,"protocol":"TCP"}': {".": {}, "f:name": {}}},
                    }
                }
            },
        },
    },
}


def managed(*entries: tuple[str, str]) -> Any:
    """A Deployment of which these managers have set the fields above."""
    made = [
        {"manager": who, "operation": how, "time": "2026-01-02T03:04:05Z", "fieldsV1": copy.deepcopy(FIELDS)}
        for who, how in entries
    ]
    return {"metadata": {"name": "risk", "managedFields": made}, "spec": {}}


def test_fields_of_the_spec_that_others_set_are_named_as_people_write_them() -> None:
    found = edits(managed(("mlagent", "Apply"), ("kubectl-edit", "Update"), ("kube-controller-manager", "Update")))
    assert {one.who for one in found} == {"kubectl-edit"}
    assert [(one.field, one.template) for one in found] == [
        ("spec.replicas", False),
        ("spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt", False),
        ("spec.template.spec.containers[name=server].env[name=B]", True),
        ("spec.template.spec.containers[name=server].image", True),
        ("spec.template.spec.containers[name=server].ports[containerPort=8000,protocol=TCP]", True),
    ]
    assert str(found[0]) == "kubectl-edit has set spec.replicas at 2026-01-02T03:04:05Z"


def test_the_fields_of_a_template_become_ours_and_only_they() -> None:
    before = managed(("kubectl-edit", "Update"), ("mlagent", "Apply"))
    before["metadata"]["managedFields"][1]["fieldsV1"] = {"f:spec": {"f:strategy": {}}}
    after: Any = reclaimed(before)
    theirs, ours = after["metadata"]["managedFields"]
    assert theirs["fieldsV1"] == {"f:metadata": FIELDS["f:metadata"], "f:spec": {"f:replicas": {}}}
    assert ours["fieldsV1"] == {"f:spec": {"f:strategy": {}, "f:template": FIELDS["f:spec"]["f:template"]}}
    assert reclaimed(after) is None


def test_where_we_have_applied_nothing_we_do_then() -> None:
    after: Any = reclaimed(managed(("kubectl-edit", "Update")))
    assert [(one["manager"], one["operation"]) for one in after["metadata"]["managedFields"]] == [
        ("kubectl-edit", "Update"),
        ("mlagent", "Apply"),
    ]


def test_nothing_is_seen_of_what_is_not_there() -> None:
    assert look(MemoryCluster("risk"), "risk") == Seen(exists=False)


def test_pods_that_are_over_do_not_count_and_those_that_go_are_leaving() -> None:
    place = Place()
    place.serve(1)
    pods = [(key, one) for key, one in place.cluster.objects.items() if key[0].name == "Pod"]
    pods[0][1]["status"]["phase"] = "Failed"
    pods[1][1]["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    seen = place.seen
    assert (len(seen.pods), seen.leaving, seen.ready("p1"), seen.wanted) == (1, 1, 1, 3)


def test_what_the_deployments_controller_says_is_taken_over() -> None:
    place = Place()
    place.cluster.apply(manifest(1), "mlagent")
    assert not place.seen.settled
    place.cluster.pods_max = 0
    place.cluster.tick(30)
    seen = place.seen
    assert (seen.settled, seen.template, seen.wanted, seen.pods) == (True, "p1", 3, ())
    assert seen.overdue == "ProgressDeadlineExceeded: the ReplicaSet has timed out progressing."
    assert seen.refused == "pods are forbidden: exceeded quota: pods: 0"


def test_a_note_that_is_no_ask_of_ours_asks_for_nothing() -> None:
    assert asked({"metadata": {"annotations": {ASKED: "{"}}}) is None
    assert asked({"metadata": {}}) is None
