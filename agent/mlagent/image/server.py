"""The layer of mlagent's server, and the one of the model: what stands where in the image."""

import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import mlagent
from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.image import compiled, layers
from mlagent.image.layers import Layer

SERVER, MODEL = "opt/mlagent/server", "srv/model"
MODEL_FILE, SIGNATURE = "model.onnx", "signature.json"
REVISION = 1  # rises when the same sources give other files
PACKAGE = f'"""Only what serves is here."""\n\n__version__ = "{mlagent.__version__}"\n'
SOURCES = Path(mlagent.__file__).parent / "serving"


def digest_of_server() -> Digest:
    """Names the server's sources, with the version that it tells."""
    return digest.of_json([digest.of_tree(SOURCES), PACKAGE])


def made_of(python: str) -> list[object]:
    """All that the server's layer depends on."""
    makers = [compiled.compilers() if compiled.fits(python) else "", metadata.version("deflate")]
    return ["server", REVISION, SERVER, digest_of_server(), makers]


def layer(python: str, folder: Path, to: Path) -> Layer:
    """The server's package, compiled where the image's Python is this one's."""
    lay_out(folder)
    if compiled.fits(python):
        compiled.compile_all(folder, f"/{SERVER}")
    return layers.pack(layers.of_folder(folder, SERVER), to)


def lay_out(folder: Path) -> None:
    """The server's sources alone, as the package mlagent of the image."""
    shutil.copytree(SOURCES, folder / "mlagent" / "serving", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "mlagent" / "__init__.py").write_text(PACKAGE)


def model_made_of(onnx: Digest, signature: Digest) -> list[object]:
    """All that the model's layer depends on."""
    return ["model", MODEL, onnx, signature, metadata.version("deflate")]


def model_layer(onnx: Path, signature: Path, to: Path, told: Callable[[int], None] = lambda _: None) -> Layer:
    """The model, and what its callers send; `told` hears how many bytes are done."""
    return layers.pack({f"{MODEL}/{MODEL_FILE}": onnx, f"{MODEL}/{SIGNATURE}": signature}, to, told)
