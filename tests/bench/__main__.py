"""Runs every benchmark and prints a line each."""

from tests.bench import data, engine, measure, startup, store, training

for bench in (startup, engine, store, data, measure, training):
    print(bench.run(), flush=True)  # noqa: T201 - printing is what it is for
