"""Runs every benchmark and prints a line each."""

from tests.bench import courier, data, engine, measure, startup, store, training

for bench in (startup, courier, engine, store, data, measure, training):
    print(bench.run(), flush=True)  # noqa: T201 - printing is what it is for
