"""Puts any server under load by its URL: no project, no run; what is found is left in a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

from mlagent.core.context import Outputs
from mlagent.core.files import write_whole
from mlagent.core.ports.children import Children
from mlagent.core.ports.log import Log
from mlagent.errors import InputError, UsageError
from mlagent.loadtest import functional, golden, learning, stranger, tensors
from mlagent.loadtest.asking import Asking, NoAnswerError
from mlagent.loadtest.golden import Golden
from mlagent.loadtest.judgement import Seen
from mlagent.loadtest.request import Target, is_loopback
from mlagent.stages.load_test import judging, search
from mlagent.stages.load_test.beside import Champion
from mlagent.stages.load_test.loads import Bench
from mlagent.stages.load_test.settings import GOLDEN, Config

VERDICT = "verdict.json"


class Wish(NamedTuple):
    """What was asked for: the server, and what is sent to it; `hosts` are machines that may be loaded."""

    url: str
    model: str | None
    golden: Path | None
    body: Path | None
    token_file: Path | None
    hosts: tuple[str, ...]


def run(config: Config, wish: Wish, work: Path, tools: Children, log: Log) -> Outputs:
    """Find the model, ask at rest, load, judge; leave the verdict in the folder `work`.

    InfrastructureError (20) where the server is away, before or after; UsageError (2), ConfigError (3), InputError (4)
    for what cannot be asked.
    """
    place = checked(wish.url, wish.hosts)
    file = str(wish.token_file.absolute()) if wish.token_file else None
    with Asking(Target(name="server", url=place, token_file=file), config.timeout_seconds) as asking:
        stranger.reach(asking, place)
        target, requests = _target(config, wish, place, asking)
        rows, seen = _golden(config, wish, target, requests)
        golden.write(work / GOLDEN, rows)
        log.info(f"loading {target.url}")
        if seen.wrong is None:
            seen = search.load(config, Bench(tools, work, log, wish.hosts), target, Champion())
            if seen.result and seen.result.unanswered and not seen.result.wrong:
                _must_live(config, target, rows[0])
    search.write(work, seen.capacity, None)
    served = f"the server at {target.url}, as it was found"
    found = judging.of_stranger(config, msgspec.structs.replace(seen, rows=len(rows), served=served))
    write_whole(work / VERDICT, msgspec.json.format(msgspec.json.encode(found.verdicts[0])))
    return found


def checked(url: str, hosts: Sequence[str]) -> str:
    """The URL without a slash at its end; UsageError (2) for one that is none, or of a machine that is not named."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise UsageError(f"--url {url!r} is no URL: {error}", hint="as in --url http://127.0.0.1:8000") from error
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"--url {url!r} is no http:// or https:// URL", hint="as in --url http://127.0.0.1:8000")
    if parts.username or parts.password:
        raise UsageError("--url holds a login", hint="--token-file FILE holds a bearer token; a URL is written down")
    if not is_loopback(host) and host not in [one.lower() for one in hosts]:
        raise UsageError(
            f"--url points at {host}, which is another machine", hint=f"load only what is yours: --allow-host {host}"
        )
    return url.rstrip("/")


def _target(config: Config, wish: Wish, place: str, asking: Asking) -> tuple[Target, list[Any]]:
    """What is POSTed to, and requests that it takes: what was given, else made up from what the model says."""
    given = [_document(wish.body)] if wish.body else []
    path = urlsplit(place).path
    token = asking.token_file
    if path and (given or wish.golden):  # a route of its own, whatever it speaks
        return Target(name="server", url=place, token_file=token), given
    model = stranger.model(asking, path, wish.model)
    url = f"{place}/v2/models/{quote(model.name, safe='')}/infer"
    made = given if given or wish.golden else tensors.requests(model.inputs, config.golden_rows, config.seed)
    return Target(name="server", url=url, token_file=token), made


def _golden(config: Config, wish: Wish, target: Target, requests: Sequence[Any]) -> tuple[Sequence[Golden], Seen]:
    """The golden rows; those of a file are asked for at rest, others learnt from what is answered at rest."""
    if wish.golden is None:
        with Asking(target, config.timeout_seconds) as asking:
            return learning.learn(asking, requests), Seen()
    rows = golden.read(wish.golden)
    wrong = functional.check(
        target, rows, tolerance=config.tolerance, timeout_seconds=config.timeout_seconds, real=False
    )
    return rows, Seen(wrong=wrong)


def _must_live(config: Config, target: Target, row: Golden) -> None:
    """Where answers failed to come, ask once more: a server that is gone is no slow one."""
    with Asking(target, config.timeout_seconds) as asking:
        try:
            asking.post(row.body)
        except NoAnswerError as error:
            raise stranger.away(target.url, error) from error


def _document(file: Path) -> object:
    try:
        return msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise InputError(f"--body {file} cannot be read: {error.strerror}", hint="name a file of JSON") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"--body {file} is no JSON: {error}", hint="it is sent as it is, as application/json"
        ) from error
