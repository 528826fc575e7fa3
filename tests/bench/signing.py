"""What proof costs against a registry on loopback: the seconds that `sign` adds to a run, and that `verify` takes.

By the clock, since most of it is waiting for cosign: first, again, verify, in turns; with how often cosign was asked.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mlagent.adapters.oci_registry import opened
from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.stages import sign
from tests.parts.keys import Pair, on_path, pair
from tests.parts.registry import registry as run_registry
from tests.signing_house import House

ROUNDS = 10
GOALS = {"a first signature": 3.0, "nothing new to say": 3.0, "verify": 1.0}
POLICY = """\
keys: {{release: {{file: {key}}}}}
builders: ["https://jenkins.example/"]
verdicts: {{data: {old}, split: {old}, parity: {old}, gate: {old}, load-test: {old}}}
"""
OLD = "{max_age_days: 3650, accept_expired: true}"
COUNTING = '#!/bin/sh\ncase "$*" in *--help*) ;; *) echo "$1" >> {log} ;; esac\nexec {cosign} "$@"\n'


class Cost(NamedTuple):
    """Of one step: by the clock, and how often cosign was asked."""

    seconds: float
    asked: int


def run() -> str:
    """A line for each, with the slowest round."""
    cosign = os.environ["MLAGENT_TEST_COSIGN"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = pair(folder / "keys")
        (folder / "policy.yaml").write_text(POLICY.format(key=keys.public, old=OLD))
        rounds = [_round(folder / str(at), folder / "policy.yaml", keys, cosign) for at in range(ROUNDS)]
        counting, log = folder / "counting", folder / "log"
        counting.write_text(COUNTING.format(log=log, cosign=cosign))
        counting.chmod(0o755)
        counted = _round(folder / "counted", folder / "policy.yaml", keys, str(counting), log)
    return "\n".join(_said(what, [one[what].seconds for one in rounds], counted[what].asked) for what in GOALS)


def _said(what: str, seconds: Sequence[float], asked: int) -> str:
    middle, most = statistics.median(seconds), max(seconds)
    return (
        f"signing, {what}: {middle:.2f} s, at most {most:.2f} s of {len(seconds)}, {asked} times cosign;"
        f" goal: at most {GOALS[what]:g} s"
    )


def _round(folder: Path, policy: Path, keys: Pair, cosign: str, log: Path = Path(os.devnull)) -> dict[str, Cost]:
    """A release of its own, signed twice, verified by the command; a cosign that counts writes `log`."""
    folder.mkdir()
    with run_registry(folder / "registry") as made:
        house = House(folder / "house", made.host)
        with opened(house.image, Registry(), folder) as images:
            house.push(images)
        key, password = Secret(f"file:{keys.private}"), Secret(f"file:{keys.password}")
        config = sign.Config(key=key, password=password)
        verify = [sys.executable, "-m", "mlagent", "verify", str(house.image), "--policy", str(policy)]
        before, env = os.environ["PATH"], {**os.environ, "PATH": on_path(folder / "bin", cosign)}
        work: dict[str, Callable[[], object]] = {
            "a first signature": lambda: house.run(config),
            "nothing new to say": lambda: house.run(config),
            "verify": lambda: subprocess.run(verify, cwd=folder, env=env, check=True, capture_output=True),
        }
        os.environ["PATH"] = env["PATH"]
        found = {what: _cost(one, log) for what, one in work.items()}
        os.environ["PATH"] = before
    shutil.rmtree(folder)
    return found


def _cost(work: Callable[[], object], log: Path) -> Cost:
    before = _lines(log)
    began = time.perf_counter()
    work()
    return Cost(time.perf_counter() - began, _lines(log) - before)


def _lines(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0
