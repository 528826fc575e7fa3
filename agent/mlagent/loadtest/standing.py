"""How the container stood that the image was served in (container.json), and what that says of the image."""

import msgspec

from mlagent.core.verdict import Check, check

READY, ENDS = "seconds until ready", "ends of the container"
MORE_MEMORY = (
    "a greater serving.memory_mb, here as in production, or a smaller model; container.json has what it held before"
)
MORE_TIME = (
    "server.log has what it said; where it needs that long, a greater serving.start_seconds; else does it listen on"
    " 0.0.0.0, on 8000 and 8001?"
)
CRASHED = (
    "server.log has what it said; it runs as in production: read-only but for /tmp, without privileges and without a"
    " way out to other networks"
)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What served (by digest), what it was given, and what it did with that.

    `start_seconds` from its start until it was ready, None where it never was; `memory_peak_mb` (MiB) the highest of
    readings a second apart, without page cache; `exit_code` None where it ran to the end; `last` the last line it said.
    """

    engine: str
    platform: str
    manifest: str
    config: str
    cpus: float
    memory_mb: int
    start_seconds: float | None = None
    memory_peak_mb: float | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    last: str = ""

    @property
    def summary(self) -> str:
        """What it did, for people, where it did well."""
        if self.start_seconds is None:
            return ""
        held = f", {self.memory_peak_mb:.0f} of {self.memory_mb} MiB" if self.memory_peak_mb is not None else ""
        return f"ready after {self.start_seconds:.2f} s{held}; "

    @property
    def hint(self) -> str:
        """What to do where it did not stand; empty where it did."""
        if self.out_of_memory:
            return MORE_MEMORY
        if self.exit_code is not None:
            return CRASHED
        return MORE_TIME if self.start_seconds is None else ""


def judge(stood: Standing, start_seconds_max: float) -> list[Check]:
    """It got ready in time, and ran until it was told to stop; an end before it was ready is told as that alone."""
    ended = stood.out_of_memory or stood.exit_code is not None
    ends = check(ENDS, float(ended), "<=", 0, samples=1)
    if ended:
        ends = msgspec.structs.replace(ends, reason=_end(stood))
    if ended and stood.start_seconds is None:
        return [ends]
    ready = check(READY, stood.start_seconds, "<=", start_seconds_max, unit="s", samples=1)
    if stood.start_seconds is None:
        said = f"never ready: no answer 200 within {start_seconds_max:g} s{_said(stood)}"
        ready = msgspec.structs.replace(ready, outcome="fail", reason=said)
    return [ready, ends]


def _end(stood: Standing) -> str:
    if stood.out_of_memory:
        return f"memory: the container was ended out of memory at {stood.memory_mb} MiB"
    return f"the container ended by itself with exit code {stood.exit_code}{_said(stood)}"


def _said(stood: Standing) -> str:
    return f"; its last line: {stood.last}" if stood.last else "; it said nothing"
