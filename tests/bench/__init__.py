"""Benchmarks: each compares with a named peer in the same run. `make bench` runs them all; no test asserts a time."""
