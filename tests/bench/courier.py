"""What the Jenkins library costs: seconds that executors are held, and shells that are asked for, a stage."""

import json
import os
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[1] / "groovy" / "run"
GOAL = 2


def run() -> str:
    """The library in the harness with the real mlagent: a first build, one with nothing new, one over several nodes."""
    env = os.environ | {"MLAGENT_TEST_BIN": str(Path(sys.executable).parent)}
    said = subprocess.run([RUN, "--bench"], env=env, check=True, capture_output=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    rows = [
        f"{one['build']}: {one['executor_seconds']:.0f} executor-seconds on {one['nodes']} nodes, "
        f"{one['sh']} sh ({one['sh'] / found['stages']:.2f} a stage; goal: at most {GOAL})"
        for one in found["builds"]
    ]
    return "\n".join(f"mlPipeline(), {row}" for row in rows)
