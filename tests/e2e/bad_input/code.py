"""The team's code, the models it makes, and what is asked of them: each way in which they go wrong."""

from collections.abc import Callable
from pathlib import Path

from tests.e2e.bad_input.world import MODEL, Bad, Spoil, blob, edit, flipped, run_folder, write

TRAIN = ("train",)
FORWARD = "        images = (features / BRIGHTEST)"


def forward(code: str) -> Spoil:
    """Put a line at the beginning of the model's forward."""
    return edit(MODEL, FORWARD, f"        {code}\n{FORWARD}")


def first(code: str) -> Spoil:
    """Put a line at the beginning of the model's file."""
    return edit(MODEL, "import torch\n", f"{code}\nimport torch\n")


def made(stage: str, artifact: str, file: str, change: Callable[[Path], None], *, kept: bool = True) -> Spoil:
    """Change what a stage made, in the run's folder, and in the store unless it is kept there."""

    def spoil(project: Path) -> None:
        change(run_folder(project) / stage / file)
        if not kept:
            change(blob(project, stage, artifact))

    return spoil


QUICKLY = ("load-test", "--force", "--duration-seconds", "0.5", "--warmup-seconds", "0", "--requests-min", "10")
FAILING = write("tests/test_more.py", "def test_sum():\n    assert 1 + 1 == 3\n")
NO_DOOR = "127.0.0.1:1"

TABLE = (
    Bad("lint fails", ("check", "--test", "true"), 5, "check: lint failed (exit status 1)", "check.lint", first("import os")),
    Bad("a test fails", ("check", "--test", "pytest -q tests/test_more.py"), 5, "test failed (exit status 1)", "check.test", FAILING, goes_on=True),
    Bad("tests that never end", ("check", "--test", "sleep 60", "--timeout-seconds", "1"), 5, "`sleep 60` took longer than 1 seconds", "check.timeout_seconds"),
    Bad("a test program that is not there", ("check", "--test", "pytset -q"), 3, "there is no program 'pytset' for `pytset -q`", "name another"),
    Bad("a syntax error", TRAIN, 5, "importing model.py failed: SyntaxError: expected ':' (model.py:39)", "python model.py", edit(MODEL, "def build_model(config: dict[str, int]) -> nn.Module:", "def build_model(config)"), goes_on=True),
    Bad("an import error", TRAIN, 5, "importing model.py failed: ImportError: cannot import name 'nnn'", "python model.py", edit(MODEL, "from torch import nn", "from torch import nnn as nn")),
    Bad("a package that is missing", TRAIN, 5, "No module named 'timm_not_here' (model.py:7)", "requirements", first("import timm_not_here")),
    Bad("no build_model", TRAIN, 5, "model.py has no build_model", "def build_model(config: dict)", edit(MODEL, "def build_model", "def make_model")),
    Bad("a wrong shape", TRAIN, 5, "(built at model.py:39) gave float32 (1, 11) for features (1, 64); wanted float (1, 10)", "one logit a class", edit(MODEL, "2 * 2, classes)", "2 * 2, classes + 1)")),
    Bad("megabytes printed, and an exception", TRAIN, 5, "failed on (1, 64) features: KeyError: 'pixels' (model.py:34)", "pytest", forward("print('x' * 2_000_000); raise KeyError('pixels')")),
    Bad("sys.exit", TRAIN, 5, "SystemExit: 0 (model.py:34)", "pytest", forward("import sys; sys.exit(0)")),
    Bad("os._exit", TRAIN, 5, "mlagent.training ended with status 0 before it was done", "os._exit", first("import os; os._exit(0)")),
    Bad("a loss that is no number", TRAIN, 5, "the training loss became nan in epoch 1 of 6 (model built at model.py:39)", "learning rate", edit(MODEL, "(features / BRIGHTEST)", "(features / 0 * 0)")),
    Bad("a model that never ends", ("train", "--timeout-seconds", "1"), 5, "mlagent.training took longer than 1 seconds", "timeout_seconds", first("import time; time.sleep(600)")),
    Bad("other sources than those that were trained", ("export",), 4, "what train makes is not there for this source", "mlagent run", edit(MODEL, "nn.Dropout(0.3), ", "")),
    Bad("other columns than those that were divided", TRAIN, 4, "what split makes is not there for this source, data and configuration (changed: data.exclude)", "mlagent plan", edit("mlpipeline.yaml", "  target: digit", "  exclude: [pixel_00]\n  target: digit")),
    Bad("a checkpoint damaged here", ("export", "--force"), 0, "ONNX opset 20", "", made("train", "model", "model.pt", flipped)),
    Bad("an ONNX file lost before it is measured", ("evaluate", "--force"), 0, "accuracy 0.9", "", made("export", "onnx", "model.onnx", Path.unlink)),
    Bad("an ONNX file damaged everywhere before it is measured", ("evaluate", "--force"), 0, "export makes it anew", "", made("export", "onnx", "model.onnx", flipped, kept=False)),
    Bad("an ONNX file damaged before it is loaded", QUICKLY, 0, "error rate 0 is at most 0", "", made("export", "onnx", "model.onnx", flipped)),
    Bad("an operator set nobody has", ("export", "--opset", "99"), 2, "--opset: export.opset: expected int <= 23", "at least 18"),
    Bad("a group that is not there", ("evaluate", "--groups", "pixel_99"), 3, "evaluate.groups names 'pixel_99', which the rows do not have; did you mean 'pixel_59'?", "their columns: "),
    Bad("a slice that is not there", ("evaluate", "--slices", "pixel_99"), 3, "evaluate.slices names 'pixel_99', which the rows do not have", "their columns: "),
    Bad("a threshold no probability reaches", ("evaluate", "--threshold", "1.5"), 2, "--threshold: evaluate.threshold: expected float <= 1.0", "at most 1"),
    Bad("a threshold for ten classes", ("evaluate", "--threshold", "0.5"), 3, "evaluate.threshold is 0.5, and only a model of two classes has one (this is multiclass)", "take evaluate.threshold out"),
    Bad("a limit of another task", ("gate", "--roc-auc-min", "0.9"), 3, "gate.roc_auc_min does not fit this task (multiclass)", "its metrics: accuracy, "),
    Bad("a limit nobody knows", ("gate", "--set", "gate.acuracy_min=0.9"), 2, "gate.acuracy_min is not a key; did you mean 'gate.accuracy_min'?", "config explain"),
    Bad("a limit that is not met", ("gate", "--accuracy-min", "0.9999"), 10, "gate: accuracy 0.", "evaluation.json"),
    Bad("too few rows to judge", ("gate", "--rows-min", "100000"), 11, "100000 are asked for", "gate.rows_min"),
    Bad("a waiver file that is not there", ("gate",), 3, "policy.waivers (MLAGENT_POLICY_WAIVERS): there is no file /nowhere/w.yaml", "unset it", env=(("MLAGENT_POLICY_WAIVERS", "/nowhere/w.yaml"),)),
    Bad("an MLflow of nonsense", ("register", "--set", "tracking.uri=nonsense://x"), 3, "tracking: uri begins with 'nonsense', and MLflow knows http, ", "config explain"),
    Bad("an MLflow without a scheme", ("train", "--set", "tracking.uri=localhost:5000"), 3, "tracking: uri begins with 'localhost'", "config explain"),
    Bad("an MLflow of a port that is none", ("register", "--set", "tracking.uri=http://127.0.0.1:99999"), 3, "tracking: Port out of range", "config explain"),
    Bad("an MLflow that is not there", ("register", "--set", f"tracking.uri=http://{NO_DOOR}"), 20, f"MLflow at http://{NO_DOOR} did not take it", "tracking.uri"),
    Bad("a registry that is damaged", ("register",), 4, "the registry's file of model 'digits' (named/models/digits in the store) is damaged", "from a backup", write(".mlagent/store/named/models/digits", '{"versions": [')),
    Bad("an MLflow that is damaged", ("train", "--force"), 0, "this training waits in .mlagent/mlflow", "", write(".mlagent/mlflow/mlflow.db", b"no database" * 1000)),
    Bad("a p99 of nothing", ("load-test", "--p99-ms", "0"), 2, "--p99-ms: load-test.p99_ms: expected float > 0.0", "99th percentile"),
    Bad("a p99 that is not met", (*QUICKLY, "--p99-ms", "0.001"), 10, "load-test: p99 latency ", "a smaller model"),
    Bad("too few requests", (*QUICKLY, "--requests-min", "5000"), 11, "asks for 5000", "never reused"),
    Bad("from after until", ("run", "--from", "gate", "--until", "train"), 2, "--from gate comes after --until train", "the order is: check, "),
    Bad("no project folder", ("--project", "gone", "run"), 3, "there is no mlpipeline.yaml in PROJECT/gone", "--project"),
    Bad("a file for a project", ("--project", MODEL, "run"), 2, "'--project': Directory 'model.py' is a file", "--help"),
)  # fmt: skip
