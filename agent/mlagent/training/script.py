"""The task `script`: the team's own training script, run by its contract, and a look at what it left."""

import json
import math
import runpy
import sys
from pathlib import Path

import numpy as np
import torch

from mlagent.training import files
from mlagent.training.data import read_rows, same_width
from mlagent.training.faults import TeamFault
from mlagent.training.project import Project
from mlagent.training.requests import ScriptRequest
from mlagent.training.settings import device, settle

WEIGHTS, OWN = "model.pt", "model.onnx"
OUTPUTS = (WEIGHTS, OWN, "expected.npz", "epochs.jsonl", "progress.json")
_CONTRACT = (
    f"a script leaves {WEIGHTS} (the state_dict of what build_model gives) or {OWN} in the folder `output` of the JSON"
    " file that it is given as its argument; agent/docs/worker.md has all of it"
)


def run(request: ScriptRequest) -> dict[str, object]:
    """Run the script to its end and give result.json's content; Fault as the contract says."""
    settle(request.seed, request.threads, deterministic=False)
    training, validation = (
        read_rows(path, request.kind, request.classes) for path in (request.train, request.validation)
    )
    same_width(request.train, training, request.validation, validation)
    where, features = device(request.device).type, training.features.shape[1]
    del training, validation
    project = Project(request.project.resolve(), request.script)
    _execute(project, _asked(request, features, where))
    told = _told(project, request.output / "epochs.jsonl")
    losses = [one.get("validation_loss", math.inf) for one in told]
    return {
        "left": _left(project, request),
        "best_epoch": losses.index(min(losses)) + 1 if losses and min(losses) < math.inf else len(told),
        "epochs": len(told),
        "features": features,
        "device": where,
        "torch": torch.__version__,
    }


def _asked(request: ScriptRequest, features: int, where: str) -> Path:
    """Write the file that the script is given."""
    path = request.output / "script.json"
    asked = {
        "train": str(request.train),
        "validation": str(request.validation),
        "shape": str(request.shape),
        "output": str(request.output),
        "checkpoints": str(request.checkpoints),
        "kind": request.kind,
        "features": features,
        "classes": request.classes,
        "outputs": request.classes or 1,
        "device": where,
        "seed": request.seed,
        "params": request.params,
    }
    files.write_json(path, asked)
    return path


def _execute(project: Project, asked: Path) -> None:
    path = project.root / project.model
    if not path.is_file():
        raise TeamFault(f"{project.model} is not in the project", hint="correct train.script")
    sys.argv = [str(path), str(asked)]
    sys.path.insert(0, str(path.parent))
    sys.dont_write_bytecode = True
    with project.guard(f"{project.model} failed", f"run `python {project.model} {asked.name}` to see it alone"):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as error:
            if error.code not in (None, 0):
                raise


def _told(project: Project, path: Path) -> list[dict[str, float]]:
    """The lines of epochs.jsonl that the script wrote, if any; each an object with its `epoch`, from 1, and numbers."""
    told = []
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else (), 1):
        try:
            one = json.loads(line)
        except ValueError:
            one = None
        if not isinstance(one, dict) or one.get("epoch") != number:
            raise TeamFault(
                f"{project.model}: line {number} of epochs.jsonl is {line[:80].decode(errors='replace')!r}",
                hint=f'write one JSON object an epoch, such as {{"epoch": {number}, "of": 10, "validation_loss": 0.3}}',
            )
        told.append(one)
    if not told:
        path.touch()
    return told


def _left(project: Project, request: ScriptRequest) -> str:
    """Which of the two the script left; TeamFault when it is neither or is not what it should be."""
    left = [name for name in (WEIGHTS, OWN) if (request.output / name).is_file()]
    if len(left) != 1:
        raise TeamFault(f"{project.model} left {' and '.join(left) or 'no model'}", hint=_CONTRACT)
    if left == [WEIGHTS]:
        _look_at_weights(project, request.output / WEIGHTS)
    expected = request.output / "expected.npz"
    if expected.exists():
        with project.guard(f"expected.npz of {project.model} cannot be read", _CONTRACT):
            np.load(expected, allow_pickle=False).close()
    return left[0]


def _look_at_weights(project: Project, path: Path) -> None:
    hint = f"write it by torch.save(model.state_dict(), output / '{WEIGHTS}')"
    with project.guard(f"{WEIGHTS} of {project.model} cannot be read", hint):
        weights = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(weights, dict) or not all(isinstance(one, torch.Tensor) for one in weights.values()):
            raise TeamFault(f"{WEIGHTS} of {project.model} holds no state_dict", hint=hint)
