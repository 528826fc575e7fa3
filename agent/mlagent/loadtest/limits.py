"""What judges a load: the service level, and what its measurement must be like; the fields are keys of `load-test:`."""

from collections.abc import Mapping

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The SLA, and what its measurement must be like: shares are 0 .. 1; a percentile without limit is not judged.

    Fewer than `requests_min` requests, a meter that sent more than `late_share_max` of them late or less than
    `rate_reached_min` of what fell due in time, that took more than `cpu_share_max` of a core, or whose clock jumped
    decide nothing. The p99 may be `ratio_max` times production's on the same node.
    """

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float
    error_rate_max: float
    requests_min: int
    late_share_max: float
    rate_reached_min: float = 0.98
    cpu_share_max: float = 0.9
    clock_jump_seconds_max: float = 0.1
    ratio_max: float = 1.5

    @property
    def latency(self) -> Mapping[str, float | None]:
        """The limit (ms) of each percentile, by its name."""
        return {"p50": self.p50_ms, "p95": self.p95_ms, "p99": self.p99_ms}
