"""wrk, asked for numbers instead of words; one thread of it, since it shares the machine with the server."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.bench.serving.asks import Ask
from tests.bench.serving.usage import cpu_seconds

SCRIPT = """\
wrk.method = "POST"
local file = io.open(%s, "rb")
wrk.body = file:read("*a")
file:close()
%s
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests": %%d, "us": %%d, "errors": %%d, "p50": %%f, "p99": %%f}\\n', summary.requests,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


class Reading(NamedTuple):
    """Requests a second, latencies in ms, CPU of the server in us a request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def load(url: str, ask: Ask, connections: int, seconds: float, root: int) -> Reading:
    """Keep all connections busy; an answer that is none of 2xx, and a connection that breaks, end it all."""
    with tempfile.TemporaryDirectory() as name:
        body, script = Path(name) / "body", Path(name) / "ask.lua"
        body.write_bytes(ask.body)
        headers = "\n".join(f"wrk.headers[{_lua(key)}] = {_lua(value)}" for key, value in ask.headers.items())
        script.write_text(SCRIPT % (_lua(str(body)), headers))
        options = ("-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s", "-s", str(script))
        before = cpu_seconds(root)
        command = ["wrk", *options, url + ask.path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        used = cpu_seconds(root) - before
    if done.returncode:
        raise RuntimeError(f"{url}{ask.path}: wrk ended with {done.returncode}: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout.strip().rpartition("\n")[2])
    if found["errors"] or not found["requests"]:
        raise RuntimeError(f"{url}{ask.path}: {found['errors']} of {found['requests']} requests failed\n{done.stdout}")
    count = found["requests"]
    return Reading(count / found["us"] * 1e6, found["p50"] / 1000, found["p99"] / 1000, used / count * 1e6)


def _lua(text: str) -> str:
    return json.dumps(text)
