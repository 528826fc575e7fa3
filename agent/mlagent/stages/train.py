"""Learn from the training part in a child process, keep the epoch best on the validation part, log to MLflow."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.core.ports.tracker import Training

NO_METRICS = ("epoch", "of", "at", "seconds")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training loop's hyperparameters."""

    LEFT_OUT: ClassVar = {"timeout_seconds"}

    model: Annotated[
        str, Meta(pattern=r"\.py$", description="The file that gives `build_model(config) -> torch.nn.Module`.")
    ] = "model.py"
    epochs: Annotated[int, Meta(ge=1, le=100_000, description="How many times the training part is gone through.")] = 10
    batch_size: Annotated[int, Meta(ge=1, le=1_000_000, description="Rows in one step of the optimiser.")] = 64
    learning_rate: Annotated[float, Meta(gt=0, le=10, description="The step size of AdamW.")] = 1e-3
    weight_decay: Annotated[float, Meta(ge=0, le=10, description="The weight decay of AdamW.")] = 0.01
    seed: Annotated[int, Meta(ge=0, lt=2**32, description="Starts every random number of the training.")] = 1
    threads: Annotated[int, Meta(ge=0, le=1024, description="CPU threads; 0 leaves the choice to PyTorch.")] = 0
    timeout_seconds: Annotated[
        float, Meta(ge=0, description="A child that takes longer is ended; 0 sets no limit.")
    ] = 0.0


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Train in the worker, which never sees the test part, and log what happened."""
    from mlagent.core.context import Outputs
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
    best = watch.epochs[result["best_epoch"] - 1]
    found = {"mlagent.device": result["device"], "mlagent.torch": result["torch"]}
    files = [ctx.work / "model.pt", inputs["shape"], *ctx.work.glob("environment.txt")]
    tracked = ctx.tracker.record(_training(config, ctx, watch.epochs, found, files))
    if tracked:
        ctx.log.info("logged to MLflow", mlflow_run=tracked)
    else:
        ctx.log.warning(f"{ctx.tracker.reason}; this training waits in .mlagent/mlflow and is sent before the next")
    return Outputs(
        summary=f"best of {len(watch.epochs)} epochs is {best['epoch']}: validation loss {best['validation_loss']:.4f}"
        f", {_score(best).removeprefix('validation_')} {best[_score(best)]:.4f} ({result['device']})"
    )


def _request(config: Config, ctx: "Context", inputs: "Mapping[str, Path]") -> dict[str, Any]:
    shape = msgspec.json.decode(inputs["shape"].read_bytes())
    return {
        "task": "train",
        "project": str(ctx.project),
        "train": str(inputs["train-part"]),
        "validation": str(inputs["validation-part"]),
        "kind": shape["kind"],
        "classes": shape["classes"],
        **{name: value for name, value in msgspec.to_builtins(config).items() if name != "timeout_seconds"},
    }


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
        params={key: str(value) for key, value in msgspec.to_builtins(config).items()},
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


def _score(epoch: "Mapping[str, Any]") -> str:
    """Name what the worker tells besides the losses: accuracy, or the mean absolute error."""
    return next(name for name in ("validation_accuracy", "validation_mae") if name in epoch)


class _Epochs:
    """Follows the file to which the worker adds a line an epoch."""

    def __init__(self, ctx: "Context", tell: "Callable[[list[dict[str, Any]]], object]") -> None:
        self.ctx, self.tell = ctx, tell
        self.epochs: list[dict[str, Any]] = []

    def poll(self) -> None:
        path = self.ctx.work / "epochs.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        for line in lines[len(self.epochs) :]:
            if not line.endswith(b"\n"):
                break
            epoch = msgspec.json.decode(line) | {"at": time.time_ns() // 1_000_000}
            self.epochs.append(epoch)
            named = {key: round(epoch[key], 4) for key in ("train_loss", "validation_loss", _score(epoch))}
            self.ctx.log.progress("epoch", epoch["epoch"], epoch["of"], **named)
            self.tell(list(self.epochs))


STAGE = Stage(
    name="train",
    title="Train the model",
    about="Trains the project's PyTorch model on the training part and logs parameters, metrics and weights to MLflow.",
    config=Config,
    run=run,
    writes=(
        Artifact("model", "model.pt", "the weights (state_dict) of the best epoch"),
        Artifact("epochs", "epochs.jsonl", "losses and accuracy, a line an epoch"),
    ),
    sources=("**/*.py", "!tests/**", "!make_data.py"),
    in_worker=True,
    reads=("shape", "train-part", "validation-part"),
    uses=("project", "tracking"),
    effect="compute",
    revision=2,
    needs=Needs(packages=(Package("mlflow", "control"), Package("torch", "worker")), gpu=True),
)
