"""A folder to build an image from by a Dockerfile: the lock, the server and the model, each in its place."""

import shutil
from pathlib import Path

from mlagent.image import server
from mlagent.image.lock import Lock

REQUIREMENTS, SERVER, MODEL = "requirements.lock", "server", "model"


def lay_out(folder: Path, lock: Lock, onnx: Path, signature: Path) -> None:
    """Fill a folder: requirements.lock, server/mlagent/…, model/model.onnx and model/signature.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REQUIREMENTS).write_text(lock.text())
    (folder / SERVER).mkdir()
    server.lay_out(folder / SERVER)
    (folder / MODEL).mkdir()
    shutil.copyfile(onnx, folder / MODEL / server.MODEL_FILE)
    shutil.copyfile(signature, folder / MODEL / server.SIGNATURE)
