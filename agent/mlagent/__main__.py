"""`python -m mlagent` is `mlagent`."""

from mlagent.cli import main

main()
