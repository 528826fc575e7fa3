"""What one target did under load, in numbers (latency.json): quantiles as callers felt them, and of its own service."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from mlagent.loadtest.quantiles import Estimate, Floats, estimate, needed
from mlagent.loadtest.request import Piece
from mlagent.loadtest.result import late_share
from mlagent.loadtest.samples import Samples, failed

SHARES: Mapping[str, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
BUSY_SECONDS = 0.001


class Quantile(msgspec.Struct, frozen=True, kw_only=True):
    """A quantile of latency in ms: `due` from when requests were due, `service` from when they were sent.

    Callers feel the first, and it alone is judged. `decides`: so many requests would, by its limit; None without one.
    """

    due: Estimate | None
    service: Estimate | None
    decides: float | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured after the warm-up; percentiles in ms, None without requests.

    A percentile is a latency that was seen, the next one above where two are in question; a failed request
    counts with at least the whole time-out, however quickly it failed: it was not answered in that time.
    `answered` and `wrong` count the warm-up too: an answer then must be right as well. `busy_share` of the requests
    waited because all users waited for answers; `rate` is how many fell due a second; `pieces` are the numbers of those
    that were kept.
    """

    requests: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    error_rate: float | None
    late_share: float
    answered: int
    wrong: int
    busy_share: float = 0.0
    rate: float = 0.0
    quantiles: Mapping[str, Quantile] = {}
    pieces: tuple[int, ...] = ()


def measure(
    samples: Samples,
    pieces: Sequence[Piece],
    *,
    timeout_seconds: float,
    limits_ms: Mapping[str, float | None] | None = None,
    target: int = 0,
) -> Measured:
    """Take what the target was asked after the warm-up; `limits_ms` are by the name of the percentile."""
    own = [number for number, one in enumerate(pieces) if one.target == target]
    counted = [number for number in own if pieces[number].kept]
    asked, kept = (samples[np.isin(samples["piece"], those)] for those in (own, counted))
    limits = limits_ms or {}
    quantiles = {name: _quantile(kept, share, timeout_seconds, limits.get(name)) for name, share in SHARES.items()}
    seconds = sum(pieces[number].seconds for number in counted)
    waited = kept["latency"] - kept["service"] - kept["lag"] > BUSY_SECONDS
    return Measured(
        requests=len(kept),
        **{f"{name}_ms": one.due.value if one.due else None for name, one in quantiles.items()},
        error_rate=float(failed(kept).mean()) if len(kept) else None,
        late_share=late_share(kept),
        answered=int((~failed(asked)).sum()),
        wrong=int(asked["wrong"].sum()),
        busy_share=float(waited.mean()) if len(kept) else 0.0,
        rate=len(kept) / seconds if seconds else 0.0,
        quantiles=quantiles,
        pieces=tuple(counted),
    )


def felt_ms(samples: Samples, timeout_seconds: float, what: str = "latency") -> Floats:
    """How long each waited, in ms; what failed waited at least the whole time-out."""
    waited: Floats = np.where(failed(samples), np.maximum(samples[what], timeout_seconds), samples[what]) * 1000
    return waited


def _quantile(kept: Samples, share: float, timeout_seconds: float, limit: float | None) -> Quantile:
    moments, waited = kept["intended"], felt_ms(kept, timeout_seconds)
    was_sent = kept[np.isfinite(kept["service"])]
    served = felt_ms(was_sent, timeout_seconds, "service")
    decides = needed(moments, waited, share, limit) if limit is not None and len(kept) else None
    return Quantile(
        due=estimate(moments, waited, share),
        service=estimate(was_sent["intended"], served, share),
        decides=decides if decides is None or np.isfinite(decides) else None,
    )
