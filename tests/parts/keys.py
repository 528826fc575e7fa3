"""What a platform gives the node that signs: cosign, and a key pair of it, made once."""

import os
import subprocess
import uuid
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """Files of both halves, and of the password of the private one."""

    private: Path
    public: Path
    password: Path

    @property
    def spoken(self) -> str:
        """The password itself."""
        return self.password.read_text()


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
    spoken = f"pass word of+{uuid.uuid4().hex}"  # nobody else's, so that it can be looked for
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": spoken}
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    password = folder / f"{name}.password"
    password.write_text(spoken)
    return Pair(folder / f"{name}.key", folder / f"{name}.pub", password)
