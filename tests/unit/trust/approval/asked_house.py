"""A question that was put in Jenkins, its answer, and what the controller was seen to say before and after."""

from mlagent.core.digest import of_bytes
from mlagent.core.ports.approvals import Decision, Question, Seen
from mlagent.core.release import Release
from mlagent.trust.approval.asking import Asked
from mlagent.trust.approval.document import Approval
from mlagent.trust.policy import Approvals

IMAGE, OTHER, EVIDENCE, POLICY, ONNX = (
    of_bytes(one.encode()) for one in ("image", "other", "evidence", "policy", "onnx")
)
COMMIT = "c0ffee" * 6 + "c0ff"
BUILD = "https://jenkins.example/job/risk/12/"
RULES = Approvals(approvers=("ann", "bob"), count=2, hours=24.0, override=("root",))
RELEASE = Release(
    model="risk",
    image=f"registry.example/risk@{IMAGE}",
    version=3,
    onnx=ONNX,
    commit=COMMIT,
    build=7,
    run="0123456789ab",
)
ASKED = Asked(release=RELEASE, environment="production", evidence=EVIDENCE, policy=POLICY, rules=RULES, build=BUILD)
QUESTION = Question(
    id="production-0123456789ab-20260301T100000-1",
    release=IMAGE,
    evidence=EVIDENCE,
    environment="production",
    message="Approve?",
    asked="2026-03-01T10:00:00+00:00",
    expires="2026-03-02T10:00:00+00:00",
    approvers=("ann", "bob", "root"),
    model="risk",
    count=2,
    policy=POLICY,
    build=BUILD,
    input="ApproveProduction1",
)
BEFORE = Seen(time="2026-03-01T10:00:00+00:00", approvers=("zoe",), commits=(COMMIT,))
AFTER = Seen(time="2026-03-01T11:00:00+00:00", approvers=("zoe", "ann"), commits=(COMMIT,))
SAID = {"outcome": "approved", "by": "ann", "comment": "looks fine"}
YES = Decision(
    question=QUESTION.id,
    release=IMAGE,
    evidence=EVIDENCE,
    outcome="approved",
    who="ann",
    time=AFTER.time,
    comment="looks fine",
    confirmed="jenkins",
    position=2,
)
APPROVAL = Approval(question=QUESTION, decision=YES, responsible={"dev": "author of c0ffee"})
