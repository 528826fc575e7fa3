"""The server's command line; each option may also come as the variable MLAGENT_SERVING_ and its name."""

import argparse
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
VARIABLE = "MLAGENT_SERVING_"
DESCRIPTION = "The server's command: `python -m mlagent.serving --model model.onnx --name digits`."


def parser(environ: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    """The command line, with defaults from the environment."""
    made = argparse.ArgumentParser(prog="python -m mlagent.serving", description=DESCRIPTION, allow_abbrev=False)

    def add(option: str, about: str, variable: str = "", **more: Any) -> None:  # noqa: ANN401  argparse's own
        variable = VARIABLE + (variable or option.removeprefix("--").replace("-", "_").upper())
        if variable in environ:
            more |= {"default": environ[variable], "required": False}
        made.add_argument(option, help=f"{about} ({variable})", **more)

    _model(add)
    _place(add)
    _work(add)
    _limits(add)
    made.add_argument("--parent-pid", type=int, help="stop when this process, our parent, is gone")
    made.add_argument("--worker", help=argparse.SUPPRESS)
    return made


def _model(add: Callable[..., None]) -> None:
    add("--model", "the ONNX file", type=Path, required=True)
    add("--name", "the model's name, as it stands in the routes", type=_name, required=True)
    about = "the model's version, which every answer names (default: none)"
    add("--model-version", about, "VERSION", type=_version, default="")
    add("--signature", "signature.json of the same export; without it no /predict", type=Path)
    add("--device", "where it computes: cpu or cuda (default: cpu)", choices=("cpu", "cuda"), default="cpu")
    add(
        "--allow-cpu",
        "with cuda: compute on the CPU where that cannot be had",
        type=_yes,
        nargs="?",
        const=True,
        default=False,
    )


def _place(add: Callable[..., None]) -> None:
    add("--host", "where it listens (default: 127.0.0.1)", default=LOOPBACK)
    add("--port", "0 takes a free one (default: 8000)", type=int, default=8000)
    add("--metrics-host", "the same for health and metrics (default: 127.0.0.1)", default=LOOPBACK)
    add("--metrics-port", "health and /metrics on a port of their own; 0 takes a free one", type=int)
    add("--ready-file", 'written with {"url": …, "metrics_url": …} once the server answers', type=Path)
    add("--token-file", "callers must send its first line as a bearer token", type=Path)
    add(
        "--access-log",
        "the share (0 to 1) of requests that are logged on standard output (default: 0)",
        type=_share,
        default=None,
    )


def _work(add: Callable[..., None]) -> None:
    profiles = ("throughput", "latency")
    add(
        "--profile",
        "what the processors are used for: many answers, or quick ones (default: throughput)",
        choices=profiles,
        default=profiles[0],
    )
    add("--cpus", "processors to use (default: what this process or container may use)", type=_positive)
    add("--processes", "that share the port (default: as the profile and the model want)", type=_count)
    add("--threads", "for one inference (default: as the profile wants)", type=_count)
    add("--queue", "requests that may wait for the model (default: 512)", type=_count, default=512)
    add("--batch-rows", "most rows of one inference; 1 takes each request alone (default: as measured)", type=_count)
    add("--batch-window-ms", "how long to wait for a fuller batch (default: 0)", type=_seconds, default=0.0)
    add("--deadline-seconds", "for a request to be answered; 0 sets none (default: 30)", type=_seconds, default=30.0)


def _limits(add: Callable[..., None]) -> None:
    add("--body-limit", "bytes of a request (default: 16 MiB)", type=_count, default=16 << 20)
    add("--rows-limit", "rows of a request (default: 65536)", type=_count, default=65_536)
    add("--clients", "connections at a time and process (default: 4096)", type=_count, default=4096)
    add("--client-requests", "after which a connection is closed, about (default: 10000)", type=_count, default=10_000)
    add("--client-seconds", "the same in seconds (default: 300)", type=_positive, default=300.0)
    add("--request-seconds", "for a request to come whole (default: 60)", type=_positive, default=60.0)
    add("--drain-seconds", "taking requests still, after a signal (default: 0)", type=_seconds, default=0.0)


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


def _number(text: str, low: float, high: float, wanted: str, *, above: bool = False) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not low <= found <= high or not math.isfinite(found) or (above and found == low):
        raise argparse.ArgumentTypeError(f"{text}: wanted {wanted}")
    return found


def _seconds(text: str) -> float:
    return _number(text, 0, math.inf, "are seconds, from 0 on")


def _positive(text: str) -> float:
    return _number(text, 0, math.inf, "is a number above 0", above=True)


def _share(text: str) -> float:
    return _number(text, 0, 1, "is a share, from 0 to 1")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: wanted is a whole number, from 1 on")
    return int(text)


def _yes(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"{text}: wanted is true or false")
    return words[text.lower()]
