"""What a process of the server is: the only one, one worker of several, or the one that keeps the workers."""

import argparse
import contextlib
import hashlib
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop

from mlagent import __version__
from mlagent.serving import cpus, routes, sockets
from mlagent.serving.access import AccessLog
from mlagent.serving.app import App
from mlagent.serving.connection import Limits
from mlagent.serving.counters import Counters, share
from mlagent.serving.faults import CannotServe
from mlagent.serving.metrics import CONNECTIONS, WANTED, Meter, size
from mlagent.serving.routes import Route
from mlagent.serving.server import Ending, Port, serve, write
from mlagent.serving.sockets import Place
from mlagent.serving.token import Token
from mlagent.serving.workers import Handed, Started, Workers, fair, keep


class Ready(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ready file: there from the first answered request until the end."""

    url: str
    metrics_url: str | None = None


def run(given: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Serve as the command line says; the exit status. CannotServe when it cannot start."""
    if given.worker:
        uvloop.run(_worker(given, msgspec.json.decode(given.worker, type=Handed)))
        return 0
    with contextlib.ExitStack() as opened:
        main = opened.enter_context(sockets.listen(Place(given.host, given.port)))
        place = None if given.metrics_port is None else Place(given.metrics_host, given.metrics_port)
        watched = opened.enter_context(sockets.listen(place)) if place else None
        if given.ready_file:
            opened.callback(given.ready_file.unlink, missing_ok=True)
        most = _most(given)
        if most == 1:
            uvloop.run(_alone(given, main, watched))
            return 0
        return uvloop.run(_keeper(given, arguments, main, watched, most))


def _most(given: argparse.Namespace) -> int:
    """How many processes there may be."""
    if given.processes:
        return int(given.processes)
    return 1 if given.profile == "latency" or given.device != "cpu" else max(1, int(given.cpus or cpus.limit()))


async def _alone(given: argparse.Namespace, main: socket.socket, watched: socket.socket | None) -> None:
    """The only process: the model's port, then that of those who watch, who can so read all until the end."""
    from mlagent.serving import model

    health, meter = routes.Health(), _meter(given)
    with contextlib.closing(model.Loaded(given, 1, meter)) as made:
        ports = [_port(given, main, made.routes(health), health, meter)]
        ports += _watching(watched, health, meter, made.beat)
        ending = Ending(health, given.drain_seconds, given.parent_pid)
        await serve(ports, ending, made.beat, _tells(given.ready_file, main, watched))


async def _worker(given: argparse.Namespace, handed: Handed) -> None:
    """One of several: its socket, its counters and the word that requests are wanted are shared with the others."""
    from mlagent.serving import model

    counters = Counters(handed.blocks, size(routes.labels(given.name)), handed.counters)
    meter = _meter(given, counters, handed.number)  # no beat before it answers: the others would leave clients to it
    health = routes.Health(counters.block(0)[WANTED : WANTED + 1])
    with contextlib.closing(model.Loaded(given, handed.processes, meter)) as made:
        main = socket.socket(fileno=handed.listening)
        fairly = fair(counters, handed.number, handed.blocks)
        port = _port(given, main, made.routes(health), health, meter, fairly)
        said = msgspec.json.encode(Started(made.plan.processes))
        await serve([port], Ending(health, 0.0, handed.keeper), made.beat, lambda: _say(handed.status, said))


async def _keeper(
    given: argparse.Namespace, arguments: Sequence[str], main: socket.socket, watched: socket.socket | None, most: int
) -> int:
    """Keep the workers, and answer those who watch: also when all workers compute."""
    numbers, blocks = size(routes.labels(given.name)), most + 1
    file = share(blocks, numbers)
    counters = Counters(blocks, numbers, file)
    health, meter = routes.Health(counters.block(0)[WANTED : WANTED + 1]), _meter(given, counters, 0)
    health.ready = True
    workers = Workers(arguments, main, counters, file, blocks)
    ending = Ending(health, given.drain_seconds, given.parent_pid)
    ending.listen()
    status = await workers.begin(given.processes, ending.over)
    if status or ending.over.is_set():
        return status
    return await keep(
        workers,
        main,
        _watching(watched, health, meter, meter.beat),
        ending,
        meter.beat,
        _tells(given.ready_file, main, watched),
    )


def _meter(given: argparse.Namespace, counters: Counters | None = None, block: int = 0) -> Meter:
    info = {"name": given.name, "mlagent": __version__, "digest": _digest(given.model)}
    version = {"version": given.model_version} if given.model_version else {}
    return Meter(info | version, routes.labels(given.name), counters, block)


def _digest(model: Path) -> str:
    try:
        with model.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise CannotServe(f"there is no model file {model}: give --model the path of an ONNX file") from error


def _port(
    given: argparse.Namespace,
    listening: socket.socket,
    answered: Mapping[str, Route],
    health: routes.Health,
    meter: Meter,
    fairly: Callable[[int], bool] = lambda _: True,
) -> Port:
    token = Token(given.token_file) if given.token_file else None
    log = None if given.access_log is None else AccessLog(given.access_log)
    limits = Limits(
        body=given.body_limit,
        request_seconds=given.request_seconds,
        requests=given.client_requests,
        seconds=given.client_seconds,
    )
    app = App(answered, meter, version=given.model_version, token=token, log=log)

    def told(clients: int) -> None:
        meter.mine[CONNECTIONS] = clients

    return Port(listening, app, health, limits, clients=_clients(given.clients), told=told, mine_to_take=fairly)


def _clients(wanted: int) -> int:
    """As many as the system has files for, with some to spare."""
    return max(16, min(wanted, sockets.many_files() - 64))


def _watching(
    listening: socket.socket | None, health: routes.Health, meter: Meter, beat: Callable[[], None]
) -> list[Port]:
    """The port of those who watch, if there is one; who reads the counts is not counted."""
    if listening is None:
        return []

    def told() -> str:
        beat()
        return meter.text(ready=health.ready)

    answered = routes.of_watch(health, told)
    return [Port(listening, App(answered, Meter({}, list(answered))), health, Limits(), clients=256)]


def _tells(path: Path | None, main: socket.socket, watched: socket.socket | None) -> Callable[[], None]:
    """Write the ready file, if one is wanted."""
    ready = Ready(sockets.url(main), sockets.url(watched) if watched else None)
    return lambda: write(path, ready) if path else None


def _say(status: int, what: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody is there any more: this process ends, too
        os.write(status, what)
    os.close(status)
