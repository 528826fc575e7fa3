"""How each server is run, as its documentation says, in the ways that may suit a machine of few cores best."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.serving import asks
from tests.bench.serving.asks import Ask
from tests.bench.serving.models import Case
from tests.bench.serving.servers import Way

SCRIPTS = Path(__file__).parents[1] / "peers/serving"
CORES = len(os.sched_getaffinity(0))


def python(name: str) -> str:
    """Where a peer's environment has its commands: `MLAGENT_TEST_SERVING` is what their names begin with."""
    return os.environ["MLAGENT_TEST_SERVING"] + f"-{name}/bin/"


def ours(case: Case) -> list[Way]:
    """What the container runs, with its defaults."""
    ask = asks.predict(case) if case.signature else _tensors(case)

    def command(port: int, _folder: Path) -> Sequence[str]:
        signed = ("--signature", str(case.signature)) if case.signature else ()
        where = ("--port", str(port), "--metrics-port", str(port + 1))
        return [sys.executable, "-m", "mlagent.serving", "--model", str(case.model), "--name", "bench", *where, *signed]

    return [Way("defaults", command, {}, ask)]


def mlflow(case: Case) -> list[Way]:
    """`mlflow models serve` of the ONNX flavor, on uvicorn."""

    def way(workers: int, threads: int) -> Way:
        def command(port: int, folder: Path) -> Sequence[str]:
            save = (
                python("mlflow") + "python",
                SCRIPTS / "save_mlflow.py",
                case.model,
                folder / "model",
                threads or "",
            )
            serve = (python("mlflow") + "mlflow", "models", "serve", "-m", folder / "model", "--env-manager", "local")
            both = f"{_shell(save)} && exec {_shell(serve)} --port {port} --workers {workers}"
            return ["sh", "-c", both]

        # what it starts is found by its name on the path
        return Way(
            _said(workers, threads), command, {"PATH": python("mlflow") + ":" + os.environ["PATH"]}, asks.mlflow(case)
        )

    return [way(1, 0), way(CORES, 1)]


def mlserver(case: Case) -> list[Way]:
    """A custom runtime; its pool of workers as it comes, off, and as many as cores."""

    def way(workers: int, threads: int) -> Way:
        def command(port: int, folder: Path) -> Sequence[str]:
            ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
            settings = {"host": "127.0.0.1", "debug": False, "parallel_workers": workers, **ports}
            model = {"name": "bench", "implementation": "by_mlserver.Bench", "parameters": {"uri": str(case.model)}}
            (folder / "settings.json").write_text(json.dumps(settings))
            (folder / "model-settings.json").write_text(json.dumps(model))
            return [python("mlserver") + "mlserver", "start", str(folder)]

        ask = asks.v2_base64(case) if case.name == "resnet" else asks.v2_json(case)
        return Way(_said(workers, threads, "parallel workers"), command, _env(case, threads), ask)

    return [way(1, 0), way(0, 0), way(CORES, 1)]


def kserve(case: Case) -> list[Way]:
    """A custom predictor of its SDK."""
    return _by_script(
        "kserve",
        case,
        _tensors(case),
        lambda port, workers: ["--http_port", port, "--workers", workers, "--enable_grpc", "false"],
    )


def litserve(case: Case) -> list[Way]:
    """Its own server, with the fast queue."""
    return _by_script("litserve", case, asks.litserve(case), lambda port, workers: [port, workers])


def fastapi(case: Case) -> list[Way]:
    """Uvicorn with uvloop and httptools, no access log."""

    def way(workers: int, threads: int, *, pool: bool = False) -> Way:
        def command(port: int, _folder: Path) -> Sequence[str]:
            where = ("--port", str(port), "--workers", str(workers), "--no-access-log", "--app-dir", str(SCRIPTS))
            return [python("fastapi") + "uvicorn", "by_fastapi:app", *where]

        env = _env(case, threads) | ({"THREADED": "1"} if pool else {})
        settings = _said(workers, threads) + (", pool" if pool else "")
        return Way(settings, command, env, asks.raw(case) if case.name == "resnet" else asks.v2_json(case))

    pools = [way(1, 0, pool=True), way(1, 1, pool=True)] if case.name == "resnet" else []
    return [way(1, 0), way(CORES, 1), *pools]


def bentoml(case: Case) -> list[Way]:
    """A service with one API."""

    def way(workers: int, threads: int) -> Way:
        def command(port: int, _folder: Path) -> Sequence[str]:
            where = ("--working-dir", str(SCRIPTS), "--host", "127.0.0.1", "--port", str(port))
            return [os.environ["MLAGENT_TEST_BENTOML"], "serve", "by_bentoml:Bench", *where]

        env = _env(case, threads) | {"WORKERS": str(workers), "BENTOML_DO_NOT_TRACK": "true"}
        return Way(_said(workers, threads), command, env, asks.bentoml(case))

    return [way(1, 0), way(CORES, 1)]


def _by_script(name: str, case: Case, ask: Ask, options: Callable[[int, int], Sequence[object]]) -> list[Way]:
    def way(workers: int, threads: int) -> Way:
        def command(port: int, _folder: Path) -> Sequence[str]:
            return [python(name) + "python", str(SCRIPTS / f"by_{name}.py"), *map(str, options(port, workers))]

        return Way(_said(workers, threads), command, _env(case, threads), ask)

    return [way(1, 0), way(CORES, 1)]


def _tensors(case: Case) -> Ask:
    return asks.v2_binary(case) if case.name == "resnet" else asks.v2_json(case)


def _env(case: Case, threads: int) -> dict[str, str]:
    return {"MODEL": str(case.model), "THREADS": str(threads), "PYTHONPATH": str(SCRIPTS)}


def _said(workers: int, threads: int, of: str = "workers") -> str:
    return f"{workers} {of}, threads {threads or 'default'}"


def _shell(words: Sequence[object]) -> str:
    return " ".join(f"'{word}'" for word in words if word != "")
