"""`mlagent serve`: the exported file of a run answers here until Ctrl-C, with the gate's word on that very file."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from mlagent.config.redact import Redactor
from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.core.verdict import check, verdict
from mlagent.engine import served
from mlagent.errors import GateRefused, InputError
from tests.conftest import Cli
from tests.unit.engine.chain import Knob, run, stage, workspace

TYPES = {"size": TensorProto.FLOAT, "it's": TensorProto.STRING, "emb": TensorProto.FLOAT, "day": TensorProto.STRING,
         "at": TensorProto.STRING, "count": TensorProto.DOUBLE, "flag": TensorProto.BOOL}  # fmt: skip
KINDS = {"size": "number", "it's": "text", "emb": "list", "day": "date", "at": "datetime", "count": "integer",
         "flag": "boolean"}  # fmt: skip


def export(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Write a model that answers with the size."""
    wide = {name: 4 if name == "emb" else 1 for name in TYPES}
    given = [helper.make_tensor_value_info(name, kind, ["batch", wide[name]]) for name, kind in TYPES.items()]
    said = helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph([helper.make_node("Identity", ["size"], ["prediction"])], "graph", given, [said])
    graph.doc_string = str(config.knob)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, ctx.work / "model.onnx")
    columns: list[dict[str, Any]] = [
        {"name": name, "type": kind, "nullable": name == "count"} | ({"length": 4} if name == "emb" else {})
        for name, kind in KINDS.items()
    ]
    told = {"columns": columns, "packed": "", "missing": "<missing>"}
    (ctx.work / "signature.json").write_text(json.dumps(told))
    return Outputs(summary="exported")


def evaluate(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Measure its size."""
    (ctx.work / "evaluation.txt").write_text(str(inputs["onnx"].stat().st_size))
    return Outputs(summary="measured")


def gate(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Pass unless the knob says otherwise."""
    judged = verdict("gate", [check("knob", config.knob, "<=", 0, samples=1)], inputs=ctx.digests, tools={})
    return Outputs(summary="judged", verdicts=(judged,))


EXPORT = stage(
    "export", export, writes=(Artifact("onnx", "model.onnx", "a model"), Artifact("signature", "signature.json", "it"))
)
EVALUATE = stage("evaluate", evaluate, reads=("onnx",), writes=(Artifact("evaluation", "evaluation.txt", "figures"),))
GATE = stage("gate", gate, reads=("evaluation",))


@contextmanager
def serving(project: Path) -> Iterator["subprocess.Popen[str]"]:
    """`mlagent serve` on free ports."""
    command = [sys.executable, "-m", "mlagent", "serve", "--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield process
        process.kill()


def test_the_printed_line_works_as_it_stands_and_ctrl_c_ends_it_with_0(project: Path) -> None:
    run(project, EXPORT)
    with serving(project) as process:
        assert process.stdout
        first, line = process.stdout.readline(), process.stdout.readline()
        found = re.fullmatch(r"serving small at (http://127\.0\.0\.1:\d+) \(metrics: (\S+)\); Ctrl-C ends it\n", first)
        assert found
        answered = subprocess.run(["bash", "-c", line], capture_output=True, check=True, text=True).stdout
        assert json.loads(answered) == {"model_name": "small", "rows": [{"prediction": 0.5}]}
        with urllib.request.urlopen(found[2], timeout=10) as told:
            text = told.read().decode()
        assert 'mlagent_serving_requests_total{route="/predict",status="200"} 1.0' in text
        assert 'name="small"' in text
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert "the gate has not judged this model" in err
        assert "stopped: what was in flight has been answered" in err
        assert "Traceback" not in err
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{found[1]}/v2/health/live", timeout=5)


def test_a_run_without_a_model_is_refused_with_what_makes_one(project: Path, cli: Cli) -> None:
    run(project, stage("check"))
    ended = cli("serve", cwd=project)
    assert ended.returncode == 4
    assert re.search(r"Error: run [0-9a-f]{12} has no exported model yet", ended.stderr)
    assert "Hint: `mlagent run --until export` makes one" in ended.stderr


def test_no_run_and_no_such_run_are_refused(project: Path, cli: Cli) -> None:
    assert "there is no run yet" in cli("serve", cwd=project).stderr
    ended = cli("serve", "0123456789ab", cwd=project)
    assert (ended.returncode, "there is no run 0123456789ab" in ended.stderr) == (4, True)


def test_a_taken_port_is_told(project: Path, cli: Cli) -> None:
    run(project, EXPORT)
    with serving(project) as process:
        assert process.stdout
        port = re.search(r":(\d+)", process.stdout.readline())
        assert port
        ended = cli("serve", "--port", port[1], "--metrics-port", "0", cwd=project)
    assert ended.returncode == 20
    assert f"port {port[1]} of 127.0.0.1 cannot be had" in ended.stderr
    assert ended.stderr.endswith("Error: mlagent.serving ended before it answered\nHint: its output is above\n")


@pytest.mark.parametrize(("knob", "judged"), [(0, "passed"), (1, "failed")])
def test_the_gates_word_is_told(project: Path, knob: int, judged: str) -> None:
    with suppress(GateRefused):
        run(project, EXPORT, EVALUATE, GATE, sets={"gate.knob": knob})
    assert served.find(workspace(project, EXPORT, EVALUATE, GATE)).judged == judged


def test_a_verdict_on_another_file_is_none_on_this(project: Path) -> None:
    run(project, EXPORT, EVALUATE, GATE)
    looked = workspace(project, EXPORT, EVALUATE, GATE)
    record, version = looked.records.load(looked.named().run_id) or pytest.fail("there is no record")
    model = record.stages["export"].outputs["onnx"]
    record.stages["evaluate"].parts = {**record.stages["evaluate"].parts, "input onnx": "sha256:" + "0" * 64}
    looked.records.save(record, version, Redactor())
    found = served.find(looked)
    assert found.judged == "not judged"
    found.model.write_bytes(b"damaged")
    assert served.find(looked).model.stat().st_size == model.size
    found.model.unlink()
    looked.store.drop(model.digest)
    with pytest.raises(InputError):
        served.find(looked)
