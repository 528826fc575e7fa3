"""Learn from the training part in a child process, keep the epoch best on the validation part, log to MLflow."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.ports.tracker import Training

NO_METRICS = ("epoch", "of", "at", "seconds")
LOGGED = ("model.pt", "model.onnx", "environment.txt")
SHOWN = ("train_loss", "validation_loss", "validation_accuracy", "validation_mae")
SCRIPTED = ("model", "device", "seed", "threads", "script", "params")  # of the configuration's keys


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training loop's hyperparameters; or the team's own script, for which only those of a script count."""

    LEFT_OUT: ClassVar = {"timeout_seconds", "checkpoint_steps", "checkpoint_minutes", "keep_checkpoints"}

    model: Annotated[
        str, Meta(pattern=r"\.py$", description="The file that gives `build_model(config) -> torch.nn.Module`.")
    ] = "model.py"
    epochs: Annotated[int, Meta(ge=1, le=100_000, description="How many times the training part is gone through.")] = 10
    batch_size: Annotated[int, Meta(ge=1, le=1_000_000, description="Rows in one step of the optimiser.")] = 64
    accumulate: Annotated[
        int, Meta(ge=1, le=10_000, description="In how many pieces a batch is learned from, to fit into memory.")
    ] = 1
    learning_rate: Annotated[float, Meta(gt=0, le=10, description="The step size of AdamW.")] = 1e-3
    schedule: Annotated[
        Literal["constant", "linear", "cosine"],
        Meta(description="How the learning rate falls, step by step, over all epochs: not, or to nothing."),
    ] = "constant"
    warmup_steps: Annotated[
        int, Meta(ge=0, le=10_000_000, description="Steps over which the learning rate first rises to its full value.")
    ] = 0
    weight_decay: Annotated[float, Meta(ge=0, le=10, description="The weight decay of AdamW.")] = 0.01
    clip_norm: Annotated[float, Meta(ge=0, description="The greatest norm of a step's gradient; 0 sets no limit.")] = (
        0.0
    )
    class_weights: Annotated[
        Literal["none", "balanced"],
        Meta(description="balanced: every class weighs alike in the training loss, however rare it is."),
    ] = "none"
    patience: Annotated[
        int, Meta(ge=0, description="Epochs without a lower validation loss after which training stops; 0: never.")
    ] = 0
    device: Annotated[
        Literal["auto", "cpu", "cuda"], Meta(description="auto: a GPU where there is one, else the CPU.")
    ] = "auto"
    precision: Annotated[
        Literal["fp32", "bf16", "fp16"],
        Meta(description="What the model computes in while it learns (autocast); the weights stay fp32."),
    ] = "fp32"
    deterministic: Annotated[
        bool, Meta(description="Only operations that give equal bits each time; false may be faster on a GPU.")
    ] = True
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="Starts every random number of the training.")] = 1
    threads: Annotated[int, Meta(ge=0, le=1024, description="CPU threads; 0 leaves the choice to PyTorch.")] = 0
    script: Annotated[
        Annotated[str, Meta(pattern=r"\.py$")] | None,
        Meta(description="The team's own training script, instead of the loop (agent/docs/worker.md)."),
    ] = None
    params: Annotated[
        dict[str, bool | int | float | str], Meta(description="Hyperparameters of the script, whatever it calls them.")
    ] = {}
    checkpoint_steps: Annotated[
        int, Meta(ge=0, description="Steps after which a checkpoint is kept to go on from; 0: by minutes alone.")
    ] = 0
    checkpoint_minutes: Annotated[
        float, Meta(ge=0, description="Minutes after which a checkpoint is kept; 0: by steps alone.")
    ] = 5.0
    keep_checkpoints: Annotated[
        int, Meta(ge=1, le=1000, description="So many of the last checkpoints stay, and the best epoch's weights.")
    ] = 2
    timeout_seconds: Annotated[
        float, Meta(ge=0, description="A child that takes longer is ended; 0 sets no limit.")
    ] = 0.0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.accumulate > self.batch_size:
            message = f"accumulate is {self.accumulate}, more pieces than a batch has rows (batch_size)"
            raise ValueError(message)
        if self.params and not self.script:
            message = "params are the hyperparameters of a script: name it in script"
            raise ValueError(message)


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Train in the worker, which never sees the test part, and log what happened."""
    from mlagent.errors import TeamCodeError

    request = _request(config, ctx, inputs)
    with ctx.tracker.following() as follow:
        watch = _Epochs(ctx, lambda epochs: follow(_training(config, ctx, epochs)))
        try:
            ctx.worker.run("mlagent.training", request, ctx.work, watch.poll, seconds=config.timeout_seconds)
        except TeamCodeError:
            watch.poll()
            ctx.tracker.record(msgspec.structs.replace(_training(config, ctx, watch.epochs), state="failed"))
            raise
    watch.poll()
    result = msgspec.json.decode((ctx.work / "result.json").read_bytes())
    found = {f"mlagent.{name}": str(result[name]) for name in ("device", "torch", "rows_at_once") if name in result}
    made = [path for name in LOGGED for path in ctx.work.glob(name)]
    tracked = ctx.tracker.record(_training(config, ctx, watch.epochs, found, [*made, inputs["shape"]]))
    if tracked:
        ctx.log.info("logged to MLflow", mlflow_run=tracked)
    else:
        ctx.log.warning(f"{ctx.tracker.reason}; this training waits in .mlagent/mlflow and is sent before the next")
    return _said(config, watch.epochs, result)


def _request(config: Config, ctx: "Context", inputs: "Mapping[str, Path]") -> dict[str, Any]:
    from mlagent.errors import ConfigError

    shape = msgspec.json.decode(inputs["shape"].read_bytes())
    if config.class_weights != "none" and shape["kind"] != "classification":
        raise ConfigError(
            f"train.class_weights is {config.class_weights}, and the target is no class but a {shape['kind']}",
            hint="take train.class_weights out",
        )
    own = msgspec.to_builtins(config)
    asked = {
        "project": str(ctx.project),
        "checkpoints": str(ctx.kept),
        "train": str(inputs["train-part"]),
        "validation": str(inputs["validation-part"]),
        "kind": shape["kind"],
        "classes": shape["classes"],
    }
    if config.script:
        return asked | {"task": "script", "shape": str(inputs["shape"])} | {name: own[name] for name in SCRIPTED}
    left_out = ("timeout_seconds", "script", "params")
    return asked | {"task": "train"} | {name: one for name, one in own.items() if name not in left_out}


def _training(
    config: Config,
    ctx: "Context",
    epochs: list[dict[str, Any]],
    found: "Mapping[str, str] | None" = None,
    files: "Sequence[Path]" = (),
) -> "Training":
    """What there is to log so far; `found` and `files` once it is over."""
    from mlagent.core.ports.tracker import Point, Training

    labels = {f"mlagent.{name}": value for name, value in ctx.labels.items()}
    commit = {"mlflow.source.git.commit": ctx.labels["commit"]} if "commit" in ctx.labels else {}
    return Training(
        key=ctx.run_id,
        experiment=ctx.sections["project"].name,
        name=ctx.run_id,
        params=_params(config),
        tags={"mlagent.run": ctx.run_id, **labels, **commit, **(found or {})},
        data={name: digest for name, digest in ctx.digests.items() if name.endswith("-part")},
        points=[
            Point(name, value, epoch["epoch"], epoch["at"])
            for epoch in epochs
            for name, value in epoch.items()
            if name not in NO_METRICS and isinstance(value, int | float)
        ],
        files=files,
        state="running" if found is None else "finished",
    )


def _params(config: Config) -> dict[str, str]:
    """The hyperparameters that count, as texts: the loop's, or the script's and its own."""
    own = msgspec.to_builtins(config)
    if config.script:
        own = {name: own[name] for name in SCRIPTED} | config.params
    return {name: str(one) for name, one in own.items() if name not in ("params", *Config.LEFT_OUT) and one is not None}


def _said(config: Config, epochs: list[dict[str, Any]], result: Mapping[str, Any]) -> "Outputs":
    from mlagent.core.context import Outputs

    figures = {name: one for name, one in epochs[result["best_epoch"] - 1].items() if name in SHOWN} if epochs else {}
    said = ", ".join(f"{name.replace('_', ' ')} {one:.4f}" for name, one in figures.items() if name != "train_loss")
    best = f"best of {len(epochs)} epochs is {result['best_epoch']}: {said} " if figures else ""
    if config.script:
        return Outputs(summary=f"{best}({config.script} left {result['left']}, {result['device']})")
    early = " (stopped early)" if len(epochs) < config.epochs else ""
    return Outputs(summary=f"{best}({result['device']}){early}")


class _Epochs:
    """Follows the file to which the worker adds a line an epoch, and the one that says how far it is in the next."""

    def __init__(self, ctx: "Context", tell: "Callable[[list[dict[str, Any]]], object]") -> None:
        self.ctx, self.tell = ctx, tell
        self.epochs: list[dict[str, Any]] = []
        self._seen: Mapping[str, Any] = {}

    def poll(self) -> None:
        path = self.ctx.work / "epochs.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        for line in lines[len(self.epochs) :]:
            if not line.endswith(b"\n"):
                break
            epoch = msgspec.json.decode(line) | {"at": time.time_ns() // 1_000_000}
            self.epochs.append(epoch)
            named = {name: round(epoch[name], 4) for name in SHOWN if name in epoch}
            self.ctx.log.progress("epoch", epoch["epoch"], epoch.get("of", epoch["epoch"]), **named)
            self.tell(list(self.epochs))
        self._look()

    def _look(self) -> None:
        try:
            seen = msgspec.json.decode((self.ctx.work / "progress.json").read_bytes())
        except (OSError, msgspec.DecodeError):  # not there yet, or not any more
            return
        if seen != self._seen and seen["epoch"] > len(self.epochs):
            self._seen, done = seen, seen["epoch"] - 1 + seen["step"] / seen["steps"]
            self.ctx.log.underway("epoch", done, seen["of"], train_loss=round(seen["train_loss"], 4))


STAGE = Stage(
    name="train",
    title="Train the model",
    about="Trains the project's PyTorch model on the training part and logs parameters, metrics and weights to MLflow.",
    config=Config,
    run=run,
    writes=(
        Artifact("model", "model.pt", "the weights (state_dict) of the best epoch", optional=True),
        Artifact("own-model", "model.onnx", "a script's own ONNX file, instead of weights", optional=True),
        Artifact("expected", "expected.npz", "what a script says that its own ONNX file answers", optional=True),
        Artifact("epochs", "epochs.jsonl", "what was told of each epoch, a line each"),
    ),
    sources=("**/*.py", "!tests/**", "!make_data.py"),
    in_worker=True,
    reads=("shape", "train-part", "validation-part"),
    uses=("project", "tracking"),
    effect="compute",
    revision=3,
    needs=Needs(packages=(Package("mlflow", "control"), Package("torch", "worker")), gpu=True),
    minutes=24 * 60,
)
