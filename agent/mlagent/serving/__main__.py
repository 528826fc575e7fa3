"""The server's command: `python -m mlagent.serving --model model.onnx --name digits`."""

import argparse
import hashlib
import math
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType

from mlagent.serving.faults import CannotServe

_CANNOT_SERVE = 4
_NOT_INSTALLED = 3
LOOPBACK = "127.0.0.1"
VERSION = "MLAGENT_SERVING_VERSION"


def main(arguments: list[str]) -> int:
    """Serve until told to stop; 0 then, 2 for a wrong command line, 3 or 4 when it cannot start (said on stderr)."""
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until the server takes over: nothing is in flight yet
    try:
        return _serve(options)
    except ModuleNotFoundError as error:
        message = f"the Python package {error.name!r} is not installed: pip install 'mlagent[serve]'"
        return _tell(message, _NOT_INSTALLED)
    except CannotServe as error:
        return _tell(str(error), _CANNOT_SERVE)


def _serve(options: argparse.Namespace) -> int:
    """Load the model, then listen: whoever can connect is answered."""
    from mlagent import __version__
    from mlagent.serving import routes, server, signature
    from mlagent.serving.app import App
    from mlagent.serving.metrics import Meter
    from mlagent.serving.onnx import OnnxModel
    from mlagent.serving.predict import Predictor

    model = OnnxModel(options.model, threads=options.threads)
    predictor = Predictor(options.name, model, signature.read(options.signature)) if options.signature else None
    version, health = options.model_version, routes.Health()
    meter = Meter(
        {"name": options.name, "mlagent": __version__, "digest": _digest(options.model)}
        | ({"version": version} if version else {})
    )
    answered = routes.of_model(options.name, model, predictor, health, meter, version)
    server.run(
        App(answered, health, meter, body_limit=options.body_limit, version=version),
        server.Place(options.host, options.port),
        App(routes.of_watch(health, meter), health, Meter({})),  # who reads the counts is not counted
        None if options.metrics_port is None else server.Place(options.metrics_host, options.metrics_port),
        server.Ending(health, options.drain_seconds, options.parent_pid),
        options.ready_file,
    )
    return 0


def _digest(model: Path) -> str:
    with model.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def parser() -> argparse.ArgumentParser:
    """The command line; a default for the version is read from the environment."""
    made = argparse.ArgumentParser(prog="python -m mlagent.serving", description=__doc__, allow_abbrev=False)
    made.add_argument("--model", type=Path, required=True, help="the ONNX file")
    made.add_argument("--name", type=_name, required=True, help="the model's name, as it stands in the routes")
    made.add_argument(
        "--model-version",
        type=_version,
        default=os.environ.get(VERSION, ""),
        help=f"the model's version, which every answer names (default: the variable {VERSION}, else none)",
    )
    made.add_argument("--signature", type=Path, help="signature.json of the same export; without it no /predict")
    made.add_argument("--host", default=LOOPBACK, help="(default: %(default)s)")
    made.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)")
    made.add_argument("--metrics-host", default=LOOPBACK, help="(default: %(default)s)")
    made.add_argument("--metrics-port", type=int, help="health and /metrics on a port of their own; 0 takes a free one")
    made.add_argument(
        "--drain-seconds",
        type=_seconds,
        default=0.0,
        help="taking requests still, after a signal (default: %(default)s)",
    )
    made.add_argument("--threads", type=int, default=1, help="for one inference (default: %(default)s)")
    made.add_argument("--body-limit", type=int, default=16 << 20, help="bytes (default: %(default)s)")
    made.add_argument(
        "--ready-file", type=Path, help='written with {"url": ..., "metrics_url": ...} once the server answers'
    )
    made.add_argument("--parent-pid", type=int, help="stop when this process, our parent, is gone")
    return made


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} does not fit into a URL: use letters, digits, '.', '_' and '-'")
    return text


def _version(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:+-]{0,63}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not fit into a header: use up to 63 letters, digits, '.', '_', ':', '+' and '-'"
        )
    return text


def _seconds(text: str) -> float:
    found = float(text)
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: wanted are seconds, from 0 on")
    return found


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)


def _tell(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
