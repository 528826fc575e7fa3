"""What the team's own pandera schema found in the worker, as checks and findings like our own."""

from collections.abc import Iterator, Sequence

import msgspec

from mlagent.core.verdict import Check, check
from mlagent.data.judge import Finding
from mlagent.data.scan import Row


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the schema that failed; `column` is empty where it is about whole rows, `says` where no row is."""

    check: str
    column: str
    failures: int
    says: str
    rows: tuple[Row, ...]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's result.json."""

    rows: int
    pandera: str
    findings: tuple[Found, ...]


def judged(result: Result, schema: str) -> Iterator[tuple[Check, Finding | None]]:
    """A check for each that failed, or one that says that none did."""
    if not result.findings:
        yield check(f"failures of {schema}", 0, "<=", 0, samples=result.rows, samples_min=0), None
    for one in result.findings:
        about = f"failures of {schema}: {f'{one.column} ' if one.column else ''}{one.check}"
        said = f" ({one.says})" if one.says else ""
        first = f", first {one.rows[0].file} row {one.rows[0].number}{_values(one.rows)}" if one.rows else ""
        yield (
            check(about, one.failures, "<=", 0, samples=result.rows, samples_min=0),
            Finding(
                check=one.check,
                columns=(one.column,) if one.column else (),
                severity="fail",
                says=f"{one.failures} {about}{said}{first}",
                failures=one.failures,
                share=one.failures / result.rows if one.rows and result.rows else 1.0,
                allowed=0,
                rows=one.rows,
            ),
        )


def _values(rows: Sequence[Row]) -> str:
    return f" ({', '.join(f'{key} is {value}' for key, value in list(rows[0].values.items())[:4])})"
