"""Runs every benchmark, or the one that is named (`python -m tests.bench image --only slim`); prints a line each."""

import argparse

from tests.bench import courier, data, engine, image, ledger, measure, rollout, signing, startup, store, training

BENCHES = (startup, courier, engine, store, data, measure, training, image, signing, rollout, ledger)
NAMES = [bench.__name__.rpartition(".")[2] for bench in BENCHES]

parser = argparse.ArgumentParser(prog="python -m tests.bench")
parser.add_argument("bench", nargs="*", metavar=f"{{{','.join(NAMES)}}}", help="default: all of them")
parser.add_argument("--only", action="append", default=[], help="of the peers of image, this one")
given = parser.parse_args()
for name, bench in zip(NAMES, BENCHES, strict=True):
    if not given.bench or name in given.bench:
        for line in image.run(given.only) if bench is image else [bench.run()]:
            print(line, flush=True)  # noqa: T201 - printing is what it is for
