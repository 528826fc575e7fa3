"""A deployer of its own process, which may be killed: `python -m tests.cluster.deployer WANTED KUBECONFIG`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mlagent import adapters
from mlagent.config.environments import Staging
from mlagent.config.secret import Secret
from mlagent.errors import MlagentError
from mlagent.rollout.bring import Voice, bring
from mlagent.rollout.objects import Wanted
from tests.cluster.house import until

ROOT = Path(__file__).parents[2]


class Deployer:
    """One that is at work."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def said(self) -> list[str]:
        """Its lines until now."""
        return self._log.read_text().splitlines()

    def says(self, beginning: str, seconds: float = 60) -> None:
        """Wait until one of its lines begins so."""
        until(lambda: any(line.startswith(beginning) for line in self.said), seconds)

    def ends(self, seconds: float = 90) -> int:
        """Wait for it; how it ended: 0 for done, 30 for undone, an error's code."""
        return self.process.wait(seconds)


@contextmanager
def deploying(wanted: Wanted, kubeconfig: Path, folder: Path, name: str = "deployer") -> Iterator[Deployer]:
    """It works while the block runs, and is dead after it."""
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(wanted))
    log = folder / f"{name}.log"
    command = [sys.executable, "-m", "tests.cluster.deployer", str(folder / f"{name}.json"), str(kubeconfig)]
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as process:
        try:
            yield Deployer(process, log)
        finally:
            process.kill()


def main(wanted: Wanted, kubeconfig: str) -> int:
    """Bring it, and say all there is to say."""
    mine = Staging(namespace=wanted.settings.namespace, kubeconfig=Secret(f"file:{kubeconfig}"))
    voice = Voice(who=f"deployer {os.getpid()}", say=lambda line: print(line, flush=True))  # noqa: T201 - it is read
    try:
        with adapters.cluster(mine, ROOT) as cluster:
            state = bring(cluster, wanted, voice).state
    except MlagentError as error:
        voice.say(f"{error.message} ({error.hint})")
        return error.code
    voice.say(f"{state.phase} {state.reason}")
    return 0 if state.phase == "done" else 30


if __name__ == "__main__":
    sys.exit(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Wanted), sys.argv[2]))
