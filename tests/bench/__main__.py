"""Runs every benchmark and prints a line each."""

from tests.bench import startup

for bench in (startup,):
    print(bench.run(), flush=True)  # noqa: T201 - printing is what it is for
