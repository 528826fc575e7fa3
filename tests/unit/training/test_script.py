"""The team's own script: what it is given, what it may leave, and how it is blamed."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import mlagent

if TYPE_CHECKING:
    from tests.unit.training.conftest import Bench, Ended

PAGE = Path(mlagent.__file__).parents[1] / "docs" / "worker.md"
WRITTEN = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
HEAD = (
    "import json, os, sys\nfrom pathlib import Path\nasked = json.loads(Path(sys.argv[1]).read_text())\n"
    "output = Path(asked['output'])\n"
)
LEAVES = "import torch\ntorch.save({'weight': torch.ones(2, 4), 'bias': torch.zeros(2)}, output / 'model.pt')\n"


def ask(bench: "Bench", source: str, **changes: object) -> "Ended":
    bench.model(source, "own.py")
    shape = bench.output.parent / "shape.json"
    shape.write_text("{}")
    asked: dict[str, object] = {
        "task": "script",
        "project": str(bench.project),
        "script": "own.py",
        "model": "model.py",
        "output": str(bench.output),
        "checkpoints": str(bench.checkpoints),
        "train": str(bench.train),
        "validation": str(bench.validation),
        "shape": str(shape),
        "kind": "classification",
        "classes": 2,
        "device": "cpu",
        "seed": 1,
        "threads": 1,
        "params": {"rate": 0.5},
    }
    return bench.run(asked | changes)


def test_the_script_of_the_documentation_does_what_it_says(bench: "Bench") -> None:
    ended = ask(bench, WRITTEN)
    assert ended.error == {}
    assert ended.result == {
        "left": "model.pt", "best_epoch": 10, "epochs": 10, "features": 4, "device": "cpu", "torch": torch.__version__,
    }  # fmt: skip
    assert ended.epochs[9]["train_loss"] < ended.epochs[0]["train_loss"]
    weights = torch.load(bench.output / "model.pt", weights_only=True)
    assert weights["weight"].shape == (2, 4)


def test_it_is_given_all_that_the_page_names(bench: "Bench") -> None:
    assert ask(bench, HEAD + LEAVES).error == {}
    given = json.loads((bench.output / "script.json").read_text())
    named = set(
        re.findall(r"`(\w+)`", PAGE.read_text().partition("The file has")[2].partition("| the script leaves")[0])
    )
    assert set(given) <= named
    assert (given["outputs"], given["features"], given["params"]) == (2, 4, {"rate": 0.5})
    assert ask(bench, HEAD + LEAVES + "sys.exit(0)").error == {}
    assert ask(bench, HEAD + LEAVES).result["epochs"] == 0
    assert (bench.output / "epochs.jsonl").read_bytes() == b""


def test_the_epoch_with_the_lowest_validation_loss_is_the_best(bench: "Bench") -> None:
    lines = "".join(
        f"{json.dumps({'epoch': n, 'validation_loss': loss})}\n" for n, loss in ((1, 0.5), (2, 0.2), (3, 0.3))
    )
    ended = ask(bench, HEAD + LEAVES + f"(output / 'epochs.jsonl').write_text({lines!r})\n")
    assert (ended.result["best_epoch"], ended.result["epochs"]) == (2, 3)


def test_its_own_onnx_and_what_is_expected_of_it_are_left_as_they_are(bench: "Bench") -> None:
    own = HEAD + "(output / 'model.onnx').write_bytes(b'own')\nimport numpy\nnumpy.savez(output / 'expected.npz')\n"
    assert ask(bench, own).result["left"] == "model.onnx"
    assert (bench.output / "model.onnx").read_bytes() == b"own"
    assert ask(bench, HEAD + LEAVES).error == {}
    assert not (bench.output / "model.onnx").exists()


LOADER = """
import torch
from torch.utils.data import DataLoader, Dataset

class Dies(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        os.kill(os.getpid(), 9)

list(DataLoader(Dies(), num_workers=1))
"""
WRONG = {
    "it raises": (HEAD + "1 / 0\n", "own.py failed: ZeroDivisionError: division by zero (own.py:5)", "see it alone"),
    "it exits": (HEAD + "sys.exit(3)\n", "own.py failed: SystemExit: 3 (own.py:5)", "see it alone"),
    "it leaves nothing": (HEAD, "own.py left no model", "the state_dict of what build_model gives"),
    "it leaves both": (HEAD + LEAVES + "(output / 'model.onnx').touch()\n", "own.py left model.pt and model.onnx", ""),
    "no weights": (HEAD + "(output / 'model.pt').write_bytes(b'x')\n", "of own.py cannot be read", "torch.save"),
    "no state_dict": (
        HEAD + "import torch\ntorch.save([1], output / 'model.pt')\n", "model.pt of own.py holds no state_dict", "",
    ),
    "no epoch": (
        HEAD + LEAVES + "(output / 'epochs.jsonl').write_text('{}')\n", "line 1 of epochs.jsonl is '{}'", '"epoch": 1',
    ),
    "a loader dies": (HEAD + LOADER, "RuntimeError: DataLoader worker", "a process that loads data died"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_it_is_told(bench: "Bench", case: str) -> None:
    source, message, hint = WRONG[case]
    ended = ask(bench, source)
    assert ended.status == 5
    assert message in ended.error["message"]
    assert hint in ended.error["hint"]


def test_a_script_that_is_not_there_is_named(bench: "Bench") -> None:
    assert "gone.py is not in the project" in ask(bench, "", script="gone.py").error["message"]


def test_data_of_another_kind_is_refused_before_it_runs(bench: "Bench") -> None:
    np.savez(bench.train, features=np.ones((3, 4), np.float32), target=np.ones(3))
    ended = ask(bench, HEAD + "(output / 'ran').touch()\n")
    assert ended.status == 4
    assert "ran" not in bench.names()
