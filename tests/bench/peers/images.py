"""Images of one model as others make them: a slim Dockerfile, MLflow's, and one with what BentoML depends on."""

import re
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.bench.peers.ground import BASE, Ground, Reading, build, fetch, metered

SLIM = """\
FROM {base}
COPY serving.lock /srv/
RUN pip install --no-cache-dir --no-index --find-links {wheels} --require-hashes -r /srv/serving.lock
ENV PYTHONPATH=/opt/mlagent/server
COPY server /opt/mlagent/server
COPY model /srv/model
USER 65532:65532
ENTRYPOINT ["python3", "-m", "mlagent.serving"]
CMD ["--model", "/srv/model/model.onnx", "--signature", "/srv/model/signature.json", "--host", "0.0.0.0"]
"""
BENTO = """\
FROM {base}
WORKDIR /home/bentoml/bento
COPY env/python env/python
RUN pip install --no-cache-dir --no-index --find-links {wheels} -r env/python/requirements.txt
COPY . .
EXPOSE 3000
ENTRYPOINT ["bentoml", "serve"]
"""
BENTO_FILE = """\
service: "service:Scorer"
include: [service.py, model.onnx]
python: {packages: [onnxruntime, numpy], lock_packages: false}
"""
BENTO_SERVICE = """\
import bentoml
import numpy as np
with bentoml.importing():
    import onnxruntime
@bentoml.service
class Scorer:
    def __init__(self) -> None:
        self.session = onnxruntime.InferenceSession("model.onnx")
    @bentoml.api
    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"features": features})[0]
"""
SAVE = """\
import sys, mlflow.onnx, onnx
mlflow.onnx.save_model(onnx.load(sys.argv[1]), "model")
"""
NO_PACKAGES = ("Acquire::", "apt-get", "> /etc/apt", "RUN printf", "rm -rf /var/lib/apt")


class Model(NamedTuple):
    """What is shipped: the ONNX file and its signature."""

    onnx: Path
    signature: Path


class Peer(Protocol):
    """A way from a model to an image in a registry."""

    name: str

    def ship(self, model: Model, host: str, *, afresh: bool = False) -> Reading:
        """Build an image of the model and push it; `afresh` as if nothing had been built here before."""


class _Docker:
    """What all builds by Docker have in common: the classic builder, `docker build` and `docker push`."""

    name = ""

    def __init__(self, ground: Ground) -> None:
        self.ground, self.context = ground, ground.folder / self.name
        self.context.mkdir()

    def built(self, host: str, folder: Path, *, afresh: bool) -> list[Sequence[str]]:
        target = f"{host}/bench/{self.name}:latest"
        more = ("--no-cache",) if afresh else ()
        return [build(target, folder, *more), ["docker", "push", "--quiet", target]]


class Slim(_Docker):
    """The same lock, server and model by a Dockerfile of a few lines."""

    name = "slim"

    def __init__(self, ground: Ground, lock: Path, server: Path) -> None:
        """Fill the folder that the engine is sent."""
        super().__init__(ground)
        fetch("--require-hashes", "--requirement", str(lock))
        shutil.copy(lock, self.context / "serving.lock")
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(server / "serving", self.context / "server/mlagent/serving", ignore=without)
        (self.context / "server/mlagent/__init__.py").touch()
        (self.context / "model").mkdir()
        (self.context / "Dockerfile").write_text(SLIM.format(base=BASE, wheels=ground.wheels))

    def ship(self, model: Model, host: str, *, afresh: bool = False) -> Reading:
        """Put the model into the folder, build and push."""
        shutil.copy(model.onnx, self.context / "model/model.onnx")
        shutil.copy(model.signature, self.context / "model/signature.json")
        return metered(self.built(host, self.context, afresh=afresh), self.ground.docker)


class Bento(_Docker):
    """`bentoml build`, and an image with the packages that it asks for, installed before the model is copied."""

    name = "bentoml"

    def __init__(self, ground: Ground, bentoml: Path) -> None:
        """`bentoml` is the command, in an environment of its own."""
        super().__init__(ground)
        self.bentoml, self.home = bentoml, ground.folder / "bentos"
        fetch("bentoml==1.4.40", "onnxruntime", "numpy")
        (self.context / "service.py").write_text(BENTO_SERVICE)
        (self.context / "bentofile.yaml").write_text(BENTO_FILE)

    def ship(self, model: Model, host: str, *, afresh: bool = False) -> Reading:
        """Build a bento and, from it, the image."""
        shutil.copy(model.onnx, self.context / "model.onnx")
        shutil.rmtree(self.home, ignore_errors=True)
        made, dockerfile = self.home / "made", self.ground.folder / "bento.Dockerfile"
        dockerfile.write_text(BENTO.format(base=BASE, wheels=self.ground.wheels))
        unpack = ["sh", "-c", f"mkdir {made} && mv {self.home}/bentos/scorer/*/* {made}"]
        commands = [[str(self.bentoml), "build", "--output", "tag"], unpack, *self.built(host, made, afresh=afresh)]
        commands[2] = [*commands[2], "--file", str(dockerfile)]
        quiet = {"BENTOML_HOME": str(self.home), "BENTOML_DO_NOT_TRACK": "true"}
        return metered(commands, {**self.ground.docker, **quiet}, self.context)


class Mlflow(_Docker):
    """`mlflow models generate-dockerfile`, with what Debian would add (nginx) left out, in its favour."""

    name = "mlflow"

    def __init__(self, ground: Ground) -> None:
        """Have the wheels of all that its model asks for."""
        super().__init__(ground)
        fetch(f"mlflow=={version('mlflow')}", "gunicorn[gevent]", "--requirement", str(self._requirements()))

    def ship(self, model: Model, host: str, *, afresh: bool = False) -> Reading:
        """Save it as MLflow does, have the Dockerfile, build and push."""
        self._clear()
        save = [sys.executable, "-c", SAVE, str(model.onnx)]
        where = ["--model-uri", "model", "--output-directory", "made", "--env-manager", "local"]
        generate = [sys.executable, "-m", "mlflow", "models", "generate-dockerfile", *where]
        first = metered([save, generate], {}, self.context)
        fetch(*re.findall(r"^- (\w+(?:==.+)?)", (self.context / "model/python_env.yaml").read_text(), re.MULTILINE))
        self._without_packages()
        second = metered(self.built(host, self.context / "made", afresh=afresh), self.ground.docker)
        cpu = None if first.cpu is None or second.cpu is None else first.cpu + second.cpu
        return Reading(cpu, first.clock + second.clock)

    def _without_packages(self) -> None:
        path = self.context / "made/Dockerfile"
        env = f"ENV PIP_NO_INDEX=1 PIP_FIND_LINKS={self.ground.wheels} PIP_NO_CACHE_DIR=1\n"
        lines = path.read_text().replace("\\\n", "").splitlines()
        kept = [line for line in lines if not any(word in line for word in NO_PACKAGES)]
        path.write_text("\n".join(f"FROM {BASE}\n{env}" if one.startswith("FROM ") else one for one in kept))

    def _requirements(self) -> Path:
        """What MLflow would ask for: the versions of this environment."""
        path = self.context / "requirements.txt"
        path.write_text("".join(f"{name}=={version(name)}\n" for name in ("numpy", "onnx", "onnxruntime")))
        return path

    def _clear(self) -> None:
        for name in ("model", "made"):
            shutil.rmtree(self.context / name, ignore_errors=True)
