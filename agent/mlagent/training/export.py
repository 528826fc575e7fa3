"""The task `export`: from the team's model and a checkpoint to the ONNX file that ships, and what it must answer."""

import json
import pickle
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from mlagent.training import encoder, files, onnxfile, variants
from mlagent.training.answers import ANSWERS
from mlagent.training.building import Team, load_team
from mlagent.training.data import read_features
from mlagent.training.faults import InputFault, RequestFault, TeamFault
from mlagent.training.project import Project
from mlagent.training.requests import ExportRequest
from mlagent.training.settings import settle

OUTPUTS = ("model.onnx", "model-fp32.onnx", "model-fp16.onnx", "model-int8.onnx", "expected.npz")
_TRACEABLE = (
    "keep to torch operations, leave the batch size free (reshape(-1, ...), never a number of rows), "
    "and choose between values with torch.where, not `if`"
)
_AT_ONCE = 4096
_SAME = "keep all of the model's state in parameters and buffers, and switch dropout by self.training"


def export(request: ExportRequest) -> dict[str, object]:
    """Write model.onnx and expected.npz and give result.json's content; Fault as the contract says."""
    settle(seed=0)
    rows = read_features(request.probe, request.features)
    weights = _weights(request.checkpoint)
    team = load_team(Project(request.project.resolve(), request.model), request.features, request.kind, request.classes)
    module = _restore(team, weights, seed=0)
    expected = _answers(team, module, rows)
    _refuse_chance(team, _answers(team, _restore(team, weights, seed=1), rows), expected)
    model, exporter = _onnx(team, module, rows, request.opset)
    for precision in (request.precision, *request.variants):
        name = "model.onnx" if precision == request.precision else f"model-{precision}.onnx"
        _write_model(request.output / name, _encoded(variants.convert(model, precision), request))
    with files.whole(request.output / "expected.npz") as file:
        np.savez(file, **{ANSWERS[request.kind].name: expected.numpy()})  # type: ignore[arg-type]
    return {
        "exporter": exporter,
        "opset": request.opset,
        "torch": torch.__version__,
        "onnx": onnx.__version__,
        **variants.versions((request.precision, *request.variants)),
    }


def _weights(path: Path) -> dict[str, Tensor]:
    """Load a state_dict without running any code that the file may hold."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise InputFault(f"the checkpoint {path.name} cannot be read: {error}", hint="train again") from error
    if not isinstance(weights, dict):
        raise InputFault(f"the checkpoint {path.name} holds no weights", hint="train again")
    return weights


def _restore(team: Team, weights: dict[str, Tensor], seed: int) -> nn.Module:
    """Build the model from a seed of its own and lay the trained weights over it."""
    settle(seed)
    module = team.build()
    hint = "the checkpoint was made by another version of the model: train again, or restore build_model as it was"
    with team.project.guard(f"the checkpoint does not fit the model (built at {team.built_at})", hint):
        module.load_state_dict(weights)
    return module.eval()


def _answers(team: Team, module: nn.Module, rows: Tensor) -> Tensor:
    """Answers (n, k) for the probe; also tries one row and three, since the shipped model takes any batch."""
    with torch.no_grad():
        for count in (1, 3):
            team.logits(module, rows[:1].repeat(count, 1))
        batches = torch.split(rows, _AT_ONCE)
        return torch.cat([ANSWERS[team.kind].of(team.logits(module, batch)) for batch in batches])


def _refuse_chance(team: Team, again: Tensor, expected: Tensor) -> None:
    """Two restorations must answer alike, else what ships would not be what was trained."""
    if not torch.allclose(again, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
        raise TeamFault(
            f"the model (built at {team.built_at}) answers differently each time it is restored from one checkpoint",
            hint=_SAME,
        )


def _onnx(team: Team, module: nn.Module, rows: Tensor, opset: int) -> tuple[onnx.ModelProto, str]:
    """Export and clean, and say by which exporter; TeamFault when torch cannot follow the model or fixes its batch."""
    shipped, example = onnxfile.Shipped(module, ANSWERS[team.kind]).eval(), rows[:1].repeat(2, 1)
    exporter = "dynamo"
    with team.project.guard(f"torch cannot export the model (built at {team.built_at}) to ONNX", _TRACEABLE):
        try:
            model = onnxfile.clean(onnxfile.export(shipped, example, opset))
        except Exception:
            older = onnxfile.export_legacy(shipped, example, opset)
            if older is None:
                raise
            model, exporter = onnxfile.clean(older), "legacy"
    if not onnxfile.free_batch(model):
        raise TeamFault(f"the exported model (built at {team.built_at}) takes only one batch size", hint=_TRACEABLE)
    if onnxfile.opset_of(model) != opset:
        found = f"torch {torch.__version__} made opset {onnxfile.opset_of(model)} when asked for {opset}"
        raise RequestFault(found, hint="ask for an opset from 18 on that this torch knows")
    return model, exporter


def _encoded(model: onnx.ModelProto, request: ExportRequest) -> onnx.ModelProto:
    """The model behind the encoding of its raw columns, where the shape says that it takes those."""
    shape = json.loads(request.shape.read_bytes())
    return onnxfile.clean(encoder.merge(model, shape["encoding"], request.opset)) if shape["raw"] else model


def _write_model(path: Path, model: onnx.ModelProto) -> None:
    with files.whole(path) as file:
        file.write(model.SerializeToString(deterministic=True))
