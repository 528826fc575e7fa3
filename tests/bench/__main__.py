"""Runs every benchmark and prints a line each."""

from tests.bench import engine, startup

for bench in (startup, engine):
    print(bench.run(), flush=True)  # noqa: T201 - printing is what it is for
