"""Programs that leave this repository as they are: they need only Python's standard library."""
