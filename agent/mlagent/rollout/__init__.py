"""Brings a release to an environment, and back: pure, so that each decision can be tried without a cluster."""
