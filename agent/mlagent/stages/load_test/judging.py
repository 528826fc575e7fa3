"""Sends the load of the profile, once more where the meter was not fit to say anything, and has it judged."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from mlagent.core.context import Context, Outputs
from mlagent.loadtest import comparison, judgement, validity
from mlagent.loadtest.judgement import Seen
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import Measured, measure
from mlagent.loadtest.pieces import CANDIDATE, CHAMPION, pieces
from mlagent.loadtest.request import Piece, Target
from mlagent.stages.load_test.beside import Champion
from mlagent.stages.load_test.loads import Bench, Reading, send, shape
from mlagent.stages.load_test.settings import Config


def load(config: Config, bench: Bench, target: Target, champion: Champion) -> Seen:
    """Send the load; once more where the meter itself was not fit, since such a reading says nothing."""
    targets = [target, *([champion.target] if champion.target else [])]
    course = pieces(config.profile, shape(config), beside=champion.target is not None)
    for again in (True, False):
        reading = send(config, bench, targets, course)
        measured = _measured(config, reading, course, CANDIDATE)
        faults = validity.reasons(reading.result, measured, limits(config))
        if not faults or reading.result.wrong:
            break
        told = "measuring once more" if again else "nothing can be said"
        bench.log.warning(f"the measurement is invalid: {'; '.join(faults)}: {told}")
    (bench.work / "latency.json").write_bytes(msgspec.json.format(msgspec.json.encode(measured)))
    return Seen(
        measured=measured,
        result=reading.result,
        faults=tuple(faults),
        champion=_measured(config, reading, course, CHAMPION) if champion.target else None,
        compared=tuple(
            comparison.compare(reading.samples, course, config.ratio_max, timeout_seconds=config.timeout_seconds)
        ),
        notes=(champion.note,) if champion.note else (),
    )


def _measured(config: Config, reading: Reading, course: Sequence[Piece], target: int) -> Measured:
    return measure(
        reading.samples,
        course,
        timeout_seconds=config.timeout_seconds,
        limits_ms=limits(config).latency,
        target=target,
    )


def outputs(config: Config, seen: Seen, ctx: Context) -> Outputs:
    """Have judged what was seen of a run's own server."""
    from mlagent.adapters.onnx_runtime import tools

    start = ctx.sections["serving"].start_seconds
    return judgement.outputs(seen, limits(config), start, ctx.digests, tools(), _until(config))


def of_stranger(config: Config, seen: Seen) -> Outputs:
    """Have judged what was seen of the server at a URL."""
    return judgement.outputs(seen, limits(config), 0.0, {}, {}, _until(config))


def _until(config: Config) -> str:
    return (datetime.now(UTC) + timedelta(hours=config.valid_hours)).isoformat(timespec="milliseconds")


def limits(config: Config) -> Limits:
    """What of the settings judges."""
    return Limits(**{name: getattr(config, name) for name in Limits.__struct_fields__})
