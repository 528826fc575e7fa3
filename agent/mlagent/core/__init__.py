"""Vocabulary: what a stage, an artifact, a digest, a verdict and a port are. Pure: no clock, no process, no socket."""
