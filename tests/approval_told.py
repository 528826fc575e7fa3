"""One approval that is asked for, in full: what the tests of its message, its webhook and its screenshots show."""

from mlagent.core.release import Release
from mlagent.trust.approval.message import Told
from mlagent.trust.measured import Evaluation, Interval, Model

REPOSITORY = "registry.example.org/ml/insurance-risk"
RELEASE = Release(
    model="insurance-risk", image=f"{REPOSITORY}@sha256:{'4f' * 32}", version=7, onnx="sha256:" + "1a" * 32
)
BEFORE = Release(
    model="insurance-risk", image=f"{REPOSITORY}@sha256:{'9e' * 32}", version=6, onnx="sha256:" + "2b" * 32
)
OURS = {
    "roc_auc": Interval(0.6612, 0.6481, 0.6743),
    "log_loss": Interval(0.2403, 0.2331, 0.2475),
    "brier": Interval(0.0624, 0.06, 0.0648),
}
PRODUCTION = {
    "roc_auc": Interval(0.6555, 0.642, 0.669),
    "log_loss": Interval(0.2416, 0.2345, 0.2488),
    "brier": Interval(0.0626, 0.0602, 0.065),
}
DIFF = """\
--- Deployment/insurance-risk (live)
+++ Deployment/insurance-risk (wanted)
@@ -4,7 +4,7 @@
-  replicas: 2
+  replicas: 3
   template:
-      image: risk@sha256:9e9e9e
+      image: risk@sha256:4f4f4f
"""
TOLD = Told(
    release=RELEASE,
    environment="production",
    evidence="sha256:" + "c3" * 32,
    expires="2026-11-30T09:15:00+00:00",
    approvers=("ann", "bob", "carol"),
    number=1,
    count=2,
    instead=BEFORE,
    evaluation=Evaluation(
        task="binary",
        rows=13571,
        level=0.95,
        models={"fp32": Model(metrics=OURS)},
        others={"constant": {"log_loss": Interval(0.249)}, "production": PRODUCTION},
    ),
    verdicts=(("data", "pass"), ("gate", "pass"), ("load-test", "pass"), ("soak", "pass")),
    diff=DIFF,
    report="https://jenkins.example.org/job/insurance-risk/12/artifact/.mlagent/runs/5f0c/report.html",
    responsible={"carol": "author of 1a2b3c4d5e6f, started the build"},
    override=("root",),
)
