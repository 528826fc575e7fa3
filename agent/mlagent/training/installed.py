"""What this environment holds, as pip would freeze it."""

import platform
from importlib.metadata import distributions
from pathlib import Path

from mlagent.training import files

FILE = "environment.txt"


def write(output: Path) -> None:
    """Leave environment.txt: the Python version, then `name==version` of every installed distribution, sorted."""
    known = {f"{one.metadata['Name']}=={one.version}" for one in distributions() if one.metadata["Name"]}
    with files.whole(output / FILE) as file:
        file.write("\n".join([f"# Python {platform.python_version()}", *sorted(known, key=str.lower), ""]).encode())
