"""A runner in a process of its own, to be killed and paused: `python -m tests.pipeline.engine.driver PROJECT`.

The stage `slow` says that it has begun (file `started`) and takes the seconds that stand in the file `takes`.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from mlagent.core.artifact import Artifact
from mlagent.core.context import Context, Outputs
from mlagent.errors import MlagentError
from tests.unit.engine.chain import Knob, run, stage


def slow(config: Knob, inputs: Mapping[str, Path], ctx: Context) -> Outputs:
    """Write what it read, slowly."""
    (ctx.project / "started").write_text(str(os.getpid()))
    time.sleep(float((ctx.project / "takes").read_text()))
    (ctx.work / "slow.txt").write_text("slowly " + inputs["first"].read_text())
    return Outputs(summary="made slow")


CHAIN = (
    stage("first", facts=("data",)),
    stage("slow", slow, reads=("first",), writes=(Artifact("slow", "slow.txt", "a text"),)),
    stage("last", reads=("slow",)),
)


def main() -> None:
    """Run, and exit as the command line would."""
    try:
        run(Path(sys.argv[1]), *CHAIN)
    except MlagentError as error:
        print(error.message, file=sys.stderr)  # noqa: T201 - the test reads it
        sys.exit(error.code)


if __name__ == "__main__":
    main()
