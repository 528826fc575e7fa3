"""What the training loop costs a row: an MLP over a million rows, against a hand-written loop, and Lightning."""

import os
import subprocess
import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mlagent.training.building import Team
from mlagent.training.data import Rows
from mlagent.training.loop import Loop
from mlagent.training.project import Project
from mlagent.training.requests import TrainRequest
from tests.bench.compare import alternate
from tests.worker_request import LOOP

ROWS, FEATURES, BATCH, ALTERNATIONS = 1_000_000, 32, 1024, 10
GOAL_PLAIN, GOAL_LIGHTNING = 1.05, 3
LIGHTNING = Path(__file__).parent / "peers" / "lightning_loader.py"


def run() -> str:
    """CPU time of an epoch, one thread each, in turn."""
    torch.set_num_threads(1)
    plain = alternate(_ours, _plain, 2 * ALTERNATIONS)
    lightning = alternate(_lightning, _ours, ALTERNATIONS)
    of = f"{ROWS} rows x {FEATURES}, an epoch of an MLP"
    return (
        f"{of}, mlagent / hand-written loop: {plain}; goal: {GOAL_PLAIN}\n"
        f"{of}, Lightning with a DataLoader / mlagent: {lightning}; goal: {GOAL_LIGHTNING}"
    )


def mlp() -> nn.Module:
    """The model of all three."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))


@cache
def _rows() -> Rows:
    features = torch.randn(ROWS, FEATURES, generator=torch.Generator().manual_seed(1))
    return Rows(features, (features[:, 0] > 0).long())


def _ours() -> float:
    rows, here = _rows(), Path(__file__).parent
    settings = LOOP | {"epochs": 1, "batch_size": BATCH, "learning_rate": 1e-3, "deterministic": False}
    request = TrainRequest(
        project=here,
        model="training.py",
        output=here,
        checkpoints=here,
        train=here,
        validation=here,
        kind="classification",
        classes=2,
        **settings,  # type: ignore[arg-type]
    )
    team = Team(Project(here, "training.py"), lambda _config: mlp(), FEATURES, "classification", 2)
    loop = Loop(team, team.build(), rows, Rows(rows.features[:1], rows.target[:1]), request)
    start = time.process_time()
    for _ in loop.epochs(lambda: None):
        pass
    return (time.process_time() - start) * 1000


def _plain() -> float:
    rows, model = _rows(), mlp()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    start = time.process_time()
    total = torch.zeros(())
    for index in torch.split(torch.randperm(ROWS), BATCH):
        optimizer.zero_grad()
        loss: Tensor = cross_entropy(model(rows.features[index]), rows.target[index])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.detach()
    assert total.isfinite()
    return (time.process_time() - start) * 1000


def _lightning() -> float:
    """It lives in an environment of its own, with the same torch; what it prints is the CPU time of its fit alone."""
    python = os.environ["MLAGENT_TEST_LIGHTNING"]
    command = [python, str(LIGHTNING), str(ROWS), str(FEATURES), str(BATCH)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
