"""The command line; each file here is a family of commands. Only `main` exits."""

from mlagent.cli.main import main

__all__ = ["main"]
