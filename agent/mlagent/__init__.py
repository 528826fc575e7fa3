"""mlagent: takes a commit plus data to a model that is validated, packaged, gated and watched."""

__version__ = "0.1.0"
