"""The team's own pandera schema, run over all rows at once: what fails, grouped by column and check."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from mlagent.training.faults import EnvironmentFault, InputFault, TeamFault
from mlagent.training.project import Project
from mlagent.training.requests import RowsRequest

MASKED = "[masked]"
COLUMNS_SHOWN = 12
_CONTRACT = "name a pandera DataFrameSchema or DataFrameModel, of pandas or polars, as file.py:name"


@dataclass(frozen=True)
class _Rows:
    """All files' rows in one frame; `sizes` is how many rows each file has."""

    frame: Any
    names: Sequence[str]
    sizes: Sequence[int]

    def at(self, index: int) -> tuple[str, int]:
        """The file of a row of the frame and its number there, from 1."""
        ends = list(accumulate(self.sizes))
        place = next(place for place, end in enumerate(ends) if index < end)
        return self.names[place], index - (ends[place] - self.sizes[place]) + 1


def check(request: RowsRequest) -> dict[str, object]:
    """Run the schema; result.json gains `rows`, `pandera`, and `findings`: check, column, failures, says, rows.

    The listing is JSON: `files` ({name, path}, CSV or Parquet) and `sensitive`, columns whose values are not shown.
    """
    try:
        import pandera
    except ModuleNotFoundError as error:
        raise EnvironmentFault(
            f"{request.schema} needs the Python package 'pandera', which is not installed in the worker's environment",
            hint="name it in the project's requirements",
        ) from error
    listing = json.loads(request.listing.read_bytes())
    file, _, name = request.schema.partition(":")
    project = Project(request.project, file)
    schema = _schema(project, name)
    rows = _read(listing["files"], by_polars="polars" in type(schema).__module__)
    with project.guard(f"the schema {request.schema} failed", _CONTRACT):
        try:
            schema.validate(rows.frame, lazy=True)
            cases = []
        except pandera.errors.SchemaErrors as error:
            cases = _cases(error.failure_cases)
    findings = list(_findings(cases, rows, frozenset(listing["sensitive"]), request.shown))
    return {"rows": len(rows.frame), "pandera": pandera.__version__, "findings": findings}


def _schema(project: Project, name: str) -> Any:  # noqa: ANN401 - of either of pandera's backends
    found = project.member(name, _CONTRACT)
    with project.guard(f"{project.model}:{name} failed", _CONTRACT):
        schema = found.to_schema() if hasattr(found, "to_schema") else found
    if not type(schema).__module__.startswith(("pandera.api.pandas", "pandera.api.polars")):
        raise TeamFault(f"{project.model}:{name} is a {type(found).__name__}, no pandera schema", hint=_CONTRACT)
    return schema


def _read(files: Sequence[Mapping[str, str]], *, by_polars: bool) -> _Rows:
    frames = [_polars(**file) if by_polars else _pandas(**file) for file in files]
    names, sizes = [file["name"] for file in files], [len(frame) for frame in frames]
    if by_polars:
        import polars as pl

        return _Rows(pl.concat(frames, how="diagonal_relaxed"), names, sizes)
    import pandas as pd

    return _Rows(pd.concat(frames, ignore_index=True), names, sizes)


def _polars(name: str, path: str) -> Any:  # noqa: ANN401
    import polars as pl

    try:
        return pl.read_csv(path) if Path(name).suffix.lower() == ".csv" else pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(name, error) from error


def _pandas(name: str, path: str) -> Any:  # noqa: ANN401
    import pandas as pd

    try:
        return pd.read_csv(path) if Path(name).suffix.lower() == ".csv" else pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> InputFault:
    return InputFault(f"{name} cannot be read: {str(error).splitlines()[0]}", hint="write the file anew")


def _cases(failures: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a frame of either library
    """One mapping a failure case; what is absent is None in both libraries."""
    cases = failures.to_dicts() if hasattr(failures, "to_dicts") else failures.to_dict("records")
    return [{key: None if value != value else value for key, value in case.items()} for case in cases]  # noqa: PLR0124


def _findings(
    cases: Sequence[Mapping[str, Any]], rows: _Rows, sensitive: frozenset[str], shown: int
) -> Iterator[dict[str, object]]:
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for case in cases:
        column = str(case["column"]) if case["schema_context"] == "Column" else ""
        grouped.setdefault((column, str(case["check"])), []).append(case)
    for (column, name), group in grouped.items():
        places = sorted({int(case["index"]) for case in group if case["index"] is not None})
        said = {MASKED if column in sensitive else str(case["failure_case"])[:80] for case in group} - {"None"}
        yield {
            "check": name,
            "column": column,
            "failures": len(places) or len(group),
            "says": "" if places else ", ".join(sorted(said)[:5]),
            "rows": [_row(rows, place, column, sensitive) for place in places[:shown]],
        }


def _row(rows: _Rows, place: int, column: str, sensitive: frozenset[str]) -> dict[str, object]:
    file, number = rows.at(place)
    columns = [column] if column else [str(name) for name in rows.frame.columns][:COLUMNS_SHOWN]
    one = rows.frame.row(place, named=True) if hasattr(rows.frame, "row") else rows.frame.iloc[place]
    values = {name: MASKED if name in sensitive else str(one[name])[:80] for name in columns}
    return {"file": file, "number": number, "values": values}
