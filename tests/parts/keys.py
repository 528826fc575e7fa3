"""What a platform gives the node that signs: cosign, and a key pair of it, made once."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

KEY_PASSWORD = "pass word of+the key"


class Pair(NamedTuple):
    """Files of both halves, and of the password of the private one."""

    private: Path
    public: Path
    password: Path


def on_path(folder: Path, program: str) -> str:
    """A search path on which this program is `cosign`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cosign").unlink(missing_ok=True)
    (folder / "cosign").symlink_to(program)
    return f"{folder}:{os.environ['PATH']}"


def pair(folder: Path, name: str = "cosign") -> Pair:
    """Made by the cosign that MLAGENT_TEST_COSIGN names."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [os.environ["MLAGENT_TEST_COSIGN"], "generate-key-pair", "--output-key-prefix", name]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": KEY_PASSWORD}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    password = folder / f"{name}.password"
    password.write_text(KEY_PASSWORD)
    return Pair(folder / f"{name}.key", folder / f"{name}.pub", password)
