"""What is the team's to mend ends with 5, and says which line and what to do."""

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.unit.training.conftest import Bench

HEAD = "import torch\nfrom torch import nn\n"
IN_FORWARD = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 2)

    def forward(self, features):
        {body}

def build_model(config):
    return Net()
"""
)


class Case(NamedTuple):
    """A model file, and what message and hint must say about it."""

    source: str
    message: str
    hint: str


def forward(body: str) -> str:
    """Give a model file whose forward, on line 10, has this body."""
    return IN_FORWARD.replace("{body}", body)


CASES = {
    "a syntax error": Case(
        "def build_model(config)\n    return 1\n",
        "importing model.py failed: SyntaxError: expected ':' (model.py:1)",
        "python model.py",
    ),
    "an exception on import": Case(
        "x = 1\ny = x / 0\n",
        "importing model.py failed: ZeroDivisionError: division by zero (model.py:2)",
        "python model.py",
    ),
    "a package that is not there": Case(
        "import timm_not_here\n", "ModuleNotFoundError: No module named 'timm_not_here' (model.py:1)", "requirements"
    ),
    "an exit while importing": Case(
        "import sys\nsys.exit(3)\n", "importing model.py failed: SystemExit: 3 (model.py:2)", "python model.py"
    ),
    "no build_model": Case("def train(): ...\n", "model.py has no build_model", "def build_model(config: dict)"),
    "a misspelt build_model": Case(
        "def build_modle(config): ...\n",
        "it has `build_modle`, which was perhaps meant",
        "def build_model(config: dict)",
    ),
    "build_model that is no function": Case(
        "build_model = 3\n", "model.py has no function build_model", "def build_model(config: dict)"
    ),
    "build_model without an argument": Case(
        "def build_model():\n    return 1\n",
        "build_model failed: TypeError: build_model() takes 0 positional arguments",
        "pytest",
    ),
    "an exception in build_model": Case(
        "def build_model(config):\n    return config['layers']\n",
        "build_model failed: KeyError: 'layers' (model.py:2)",
        "pytest",
    ),
    "no module but a dict": Case(
        "\ndef build_model(config):\n    return {}\n",
        "build_model (model.py:2) returned a dict",
        "return a torch.nn.Module",
    ),
    "no return": Case(
        "def build_model(config):\n    config\n",
        "build_model (model.py:1) returned a NoneType",
        "end build_model with `return model`",
    ),
    "the class itself": Case(
        HEAD + "def build_model(config):\n    return nn.Linear\n",
        "returned the class Linear itself",
        "`return Linear(...)`",
    ),
    "an exception in forward": Case(
        forward("raise ValueError('odd rows')"),
        "failed on (1, 4) features: ValueError: odd rows (model.py:10)",
        "pytest",
    ),
    "layers that do not fit": Case(
        HEAD + "def build_model(config):\n    return nn.Linear(9, 2)\n",
        "the model (built at model.py:3) failed on (1, 4) features: RuntimeError: mat1 and mat2",
        "pytest",
    ),
    "too many classes": Case(
        HEAD + "def build_model(config):\n    return nn.Linear(4, 7)\n",
        "gave float32 (1, 7) for features (1, 4); wanted float (1, 2)",
        "config['classes']",
    ),
    "a lost batch": Case(
        forward("return self.out(features).sum(0)"),
        "gave float32 (2,) for features (1, 4); wanted float (1, 2)",
        "one logit a class",
    ),
    "one row's worth for two": Case(
        forward("return self.out(features)[:1]"),
        "gave float32 (1, 2) for features (2, 4); wanted float (2, 2)",
        "one logit a class",
    ),
    "whole numbers": Case(
        forward("return self.out(features).long()"), "gave int64 (1, 2) for features (1, 4)", "no argmax"
    ),
    "a tuple": Case(forward("return self.out(features), 0"), "gave a tuple for features (1, 4)", "one logit a class"),
    "nothing to train": Case(
        forward("return features[:, :2]").replace("self.out = nn.Linear(4, 2)", "self.out = [nn.Linear(4, 2)]"),
        "has nothing to train",
        "nn.ModuleList",
    ),
    "a cut gradient": Case(
        forward("return self.out(features).detach()"),
        "the gradient of the loss (model built at model.py:12) failed",
        "detach()",
    ),
    "a loss that is NaN": Case(
        forward("return torch.log(self.out(features) * 0 - 1)"),
        "the training loss became nan in epoch 1 of 3",
        "lower the learning rate (now 0.05)",
    ),
    "a loss that is NaN in validation alone": Case(
        forward("return self.out(features) / self.training"),
        "the validation loss became nan in epoch 1 of 3",
        "the features themselves are finite",
    ),
    "memory that is not there": Case(
        forward("raise torch.OutOfMemoryError('CUDA out of memory')"),
        "CUDA out of memory (model.py:10)",
        "lower train.batch_size",
    ),
    "chance where none is allowed": Case(
        forward("raise RuntimeError('put_ does not have a deterministic implementation')"),
        "(model.py:10)",
        "has a deterministic form",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_is_told_by_line_with_a_way_out(bench: "Bench", case: Case) -> None:
    bench.model(case.source)
    ended = bench.ask()
    assert (ended.status, ended.error["category"]) == (5, "team-code")
    assert case.message in ended.error["message"]
    assert case.hint in ended.error["hint"]
    assert str(bench.project) not in ended.error["message"]
    assert not {"model.pt", "result.json"} & bench.names()


def test_a_missing_model_file_is_named(bench: "Bench") -> None:
    ended = bench.ask(model="net.py")
    assert (ended.status, ended.error["message"]) == (5, "net.py is not in the project")
    assert "build_model" in ended.error["hint"]


def test_a_model_file_that_is_not_python_is_told(bench: "Bench") -> None:
    bench.model("weights", "model.txt")
    assert "its name must end in .py" in bench.ask(model="model.txt").error["message"]


def test_the_traceback_shows_the_projects_frames_and_no_others(bench: "Bench") -> None:
    bench.model("def half(n):\n    raise ValueError('three\\nlines\\nlong')\n", "halves.py")
    bench.model("from halves import half\ndef build_model(config):\n    return half(config)\n")
    ended = bench.ask()
    assert "in build_model" in ended.stderr
    assert "in half" in ended.stderr
    assert "mlagent" not in ended.stderr.partition("build_model failed")[0]
    assert ended.error["message"] == "build_model failed: ValueError: three (halves.py:2)"
    assert "long" in ended.stderr


def test_an_environment_inside_the_project_is_not_the_teams_code(bench: "Bench") -> None:
    library = bench.project / ".venv" / "lib" / "site-packages"
    library.mkdir(parents=True)
    (library / "broken_library.py").write_text("def use():\n    raise OSError('gone')\n", encoding="utf-8")
    bench.model(f"import sys\nsys.path.append({str(library)!r})\nimport broken_library\nbroken_library.use()\n")
    assert bench.ask().error["message"] == "importing model.py failed: OSError: gone (model.py:4)"


def test_an_error_that_comes_only_while_training_is_the_teams_too(bench: "Bench") -> None:
    bench.model(forward("assert not self.training, 'no training here'\n        return self.out(features)"))
    ended = bench.ask()
    assert "AssertionError: no training here (model.py:10)" in ended.error["message"]
    assert ended.epochs == []
