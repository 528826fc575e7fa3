"""The server's command: `python -m mlagent.serving --model model.onnx --name digits`."""

import argparse
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType

from mlagent.serving.faults import CannotServe

_CANNOT_SERVE = 4
_NOT_INSTALLED = 3


def main(arguments: list[str]) -> int:
    """Serve until told to stop; 0 then, 2 for a wrong command line, 3 or 4 when it cannot start (said on stderr)."""
    options = _parser().parse_args(arguments)
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
    from mlagent.serving.app import App
    from mlagent.serving.onnx import OnnxModel
    from mlagent.serving.server import run

    app = App(options.name, OnnxModel(options.model, threads=options.threads), body_limit=options.body_limit)
    run(app, port=options.port, ready_file=options.ready_file, parent=options.parent_pid)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlagent.serving", description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, help="the ONNX file")
    parser.add_argument("--name", type=_name, required=True, help="the model's name, as it stands in the routes")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="for one inference (default: %(default)s)")
    parser.add_argument("--body-limit", type=int, default=16 << 20, help="bytes (default: %(default)s)")
    parser.add_argument("--ready-file", type=Path, help='written with {"url": ...} once the server answers')
    parser.add_argument("--parent-pid", type=int, help="stop when this process, our parent, is gone")
    return parser


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} does not fit into a URL: use letters, digits, '.', '_' and '-'")
    return text


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(0)


def _tell(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
