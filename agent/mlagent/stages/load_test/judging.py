"""Sends the load of the profile, once more where the meter was not fit to say anything, and has it judged."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from mlagent.core.context import Context, Outputs
from mlagent.core.verdict import Check
from mlagent.loadtest import comparison, judgement, validity
from mlagent.loadtest.answers import Wrong
from mlagent.loadtest.capacity import Answer
from mlagent.loadtest.judgement import Seen
from mlagent.loadtest.limits import Limits
from mlagent.loadtest.measured import Measured, measure
from mlagent.loadtest.pieces import CANDIDATE, CHAMPION, pieces
from mlagent.loadtest.request import Piece, Target
from mlagent.loadtest.result import Result
from mlagent.loadtest.standing import Standing
from mlagent.stages.load_test.beside import Champion
from mlagent.stages.load_test.loads import Bench, Reading, send, shape
from mlagent.stages.load_test.settings import Config


class Asked(NamedTuple):
    """What came of asking: the first golden row that was answered wrongly at rest, or what was measured under load."""

    wrong: Wrong | None = None
    measured: Measured | None = None
    result: Result | None = None
    faults: tuple[str, ...] = ()
    champion: Measured | None = None
    compared: tuple[Check, ...] = ()
    capacity: Answer | None = None
    wanted: float = 0.0
    notes: tuple[str, ...] = ()


def load(config: Config, bench: Bench, target: Target, champion: Champion) -> Asked:
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
    return Asked(
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


def outputs(config: Config, asked: Asked, stood: Standing | None, rows: int, ctx: Context) -> Outputs:
    """Gather what was seen of a run's own server, and have it judged."""
    from mlagent.adapters.onnx_runtime import tools

    start, seen = ctx.sections["serving"].start_seconds, _seen(asked, stood, rows)
    judged = judgement.outputs(seen, limits(config), start, ctx.digests, tools(), _until(config))
    return _noted(judged, lambda notes: (*notes, *asked.notes))


def of_stranger(config: Config, asked: Asked, url: str, rows: int) -> Outputs:
    """Gather what was seen of the server at a URL, and have it judged."""
    judged = judgement.outputs(_seen(asked, None, rows), limits(config), 0.0, {}, {}, _until(config))
    served = f"the server at {url}, as it was found"
    return _noted(
        judged, lambda notes: (served, *(one for one in notes if one != judgement.IN_A_PROCESS), *asked.notes)
    )


def _noted(judged: Outputs, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Outputs:
    """The same with other notes in its verdict."""
    (found,) = judged.verdicts
    return msgspec.structs.replace(judged, verdicts=(msgspec.structs.replace(found, notes=change(found.notes)),))


def _seen(asked: Asked, stood: Standing | None, rows: int) -> Seen:
    return Seen(stood=stood, rows=rows, **{**asked._asdict(), "notes": ()})


def _until(config: Config) -> str:
    return (datetime.now(UTC) + timedelta(hours=config.valid_hours)).isoformat(timespec="milliseconds")


def limits(config: Config) -> Limits:
    """What of the settings judges."""
    return Limits(**{name: getattr(config, name) for name in Limits.__struct_fields__})
