"""From what a scan counted to checks with thresholds, and findings with the rows to prove them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from mlagent.core.verdict import Check, Severity, check
from mlagent.data.profile import Moved
from mlagent.data.scan import Row, Scanned
from mlagent.data.schema import Allowed, Bands, Schema
from mlagent.measure import drift

NAMED = 5


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong: how many rows, which share of all, where the first stand; values of sensitive columns masked."""

    check: str
    columns: tuple[str, ...]
    severity: Severity
    says: str
    failures: int
    share: float
    allowed: int
    rows: tuple[Row, ...] = ()


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Every check, what was found, and until when it holds where it looked at a clock (RFC 3339)."""

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    valid_until: str | None


def judge(schema: Schema, scanned: Scanned, moved: Mapping[str, Moved], now: datetime) -> Judged:
    """Compare all that was counted with what the schema allows."""
    pairs = [*_table(schema, scanned), *_rows(scanned), *_keys(schema, scanned), *_fresh(schema, scanned, now)]
    pairs += _drift(schema.drift, moved, scanned.sample.height)
    ends = [end for _, _, end in pairs if end]
    return Judged(
        checks=tuple(one for one, _, _ in pairs),
        findings=tuple(found for _, found, _ in pairs if found),
        valid_until=min(ends) if ends else None,
    )


Pair = tuple[Check, Finding | None, str | None]


def allowed_rows(allowed: Allowed, rows: int) -> int:
    """A number of rows, or a share such as `0.1%` of them, rounded down."""
    return int(float(allowed.rstrip("%")) / 100 * rows) if isinstance(allowed, str) else allowed


def _counted(
    name: str,
    about: str,
    columns: Sequence[str],
    severity: Severity,
    failures: int,
    allowed: int,
    rows: int,
    shown: Sequence[Row] = (),
) -> Pair:
    made = check(about, failures, "<=", allowed, samples=rows, samples_min=0, severity=severity)
    if not failures:
        return made, None, None
    share = failures / rows if rows else 1.0
    first = f", first {shown[0].file} row {shown[0].number}" if shown else ""
    values = f" ({', '.join(f'{key} is {value}' for key, value in shown[0].values.items())})" if shown else ""
    found = Finding(
        check=name,
        columns=tuple(columns),
        severity=severity,
        says=f"{failures} {about}{first}{values}",
        failures=failures,
        share=share,
        allowed=allowed,
        rows=tuple(shown),
    )
    return made, found, None


def _table(schema: Schema, scanned: Scanned) -> Iterator[Pair]:
    least, most = schema.rows.min, schema.rows.max
    yield check("rows", scanned.rows, ">=", least, samples=scanned.rows, samples_min=0), None, None
    if most is not None:
        yield check("rows", scanned.rows, "<=", most, samples=scanned.rows, samples_min=0), None, None
    yield _columns("missing", scanned.missing, "fail", scanned.files)
    if schema.extra_columns != "allow":
        yield _columns("unknown", scanned.extra, schema.extra_columns, scanned.files)


def _columns(what: str, found: Mapping[str, Sequence[str]], severity: Severity, files: int) -> Pair:
    named = [f"{name} in {where[0]}{' …' if len(where) > 1 else ''}" for name, where in found.items()]
    names = ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")
    about = f"{what} columns{f' ({names})' if names else ''}"
    made, finding, _ = _counted("columns", about, list(found), severity, len(found), 0, files)
    return made, msgspec.structs.replace(finding, share=1.0) if finding else None, None


def _rows(scanned: Scanned) -> Iterator[Pair]:
    for one in scanned.counted:
        test = one.test
        if not scanned.absent.isdisjoint(test.columns):
            continue
        allowed = allowed_rows(test.allowed, scanned.rows)
        about = f"rows with {test.about}"
        yield _counted(test.check, about, test.columns, test.severity, one.failures, allowed, scanned.rows, one.rows)


def _keys(schema: Schema, scanned: Scanned) -> Iterator[Pair]:
    for keys, unique in zip(scanned.keys, schema.uniques, strict=True):
        if not scanned.absent.isdisjoint(keys.columns):
            continue
        allowed = allowed_rows(unique.max_failures, scanned.rows)
        about = f"rows with {' and '.join(keys.columns)} of an earlier row"
        yield _counted("unique", about, keys.columns, unique.severity, keys.failures, allowed, scanned.rows, keys.rows)


def _fresh(schema: Schema, scanned: Scanned, now: datetime) -> Iterator[Pair]:
    for name, column in schema.columns.items():
        if column.max_age_days is None or name in scanned.missing or name in scanned.absent:
            continue
        newest = _moment(scanned.newest.get(name))
        age = None if newest is None else (now - newest).total_seconds() / 86_400
        about, severity = f"age of the newest {name}", column.severity("fresh")
        made = check(about, age, "<=", column.max_age_days, samples=scanned.rows, unit="days", severity=severity)
        end = (
            None
            if newest is None
            else (newest + timedelta(days=column.max_age_days)).isoformat(timespec="milliseconds")
        )
        if made.outcome == "pass":
            yield made, None, end
            continue
        found = Finding(
            check="fresh",
            columns=(name,),
            severity=severity,
            says=f"the newest {name} is {newest.date() if newest else 'absent'}",
            failures=scanned.rows,
            share=1.0,
            allowed=0,
        )
        yield made, found, None


def _moment(value: Any) -> datetime | None:  # noqa: ANN401 - a date, a datetime or nothing
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), tzinfo=UTC) if isinstance(value, date) else None


def _drift(bands: Bands, moved: Mapping[str, Moved], samples: int) -> Iterator[Pair]:
    for name, one in moved.items():
        if name in bands.ignore:
            continue
        yield from _band(drift.psi(name), name, one.psi, bands.psi_warn, bands.psi_fail, samples)
        grown = one.null_share - one.null_share_before
        yield from _band(drift.emptier(name), name, grown, bands.null_warn, bands.null_fail, samples)
        if bands.categories != "allow" and (one.appeared or one.vanished):
            said = "; ".join(
                f"{word} {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
                for word, names in (("new:", one.appeared), ("gone:", one.vanished))
                if names
            )
            changes = len(one.appeared) + len(one.vanished)
            about = drift.categories(name, said)
            yield _counted("categories", about, (name,), bands.categories, changes, 0, samples)


def _band(about: str, name: str, value: float, warn: float | None, fail: float | None, samples: int) -> Iterator[Pair]:
    """One check against the band it falls into; the strictest one that is set when it falls into none."""
    limits: list[tuple[Severity, float]] = [("fail", fail)] if fail is not None else []
    limits += [("warn", warn)] if warn is not None else []
    if not limits:
        return
    broken = next(((severity, limit) for severity, limit in limits if value > limit), None)
    severity, limit = broken or limits[-1]
    made = check(about, value, "<=", limit, samples=samples, severity=severity)
    if broken is None:
        yield made, None, None
        return
    found = Finding(
        check="drift",
        columns=(name,),
        severity=severity,
        says=made.reason,
        failures=samples,
        share=1.0,
        allowed=0,
    )
    yield made, found, None
