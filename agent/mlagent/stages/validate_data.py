"""Look at every row before anything learns from it: what the schema asks, and how far it is from what passed last."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec import Meta

from mlagent.core.artifact import Artifact
from mlagent.core.stage import Needs, Package, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from mlagent.core.context import Context, Outputs
    from mlagent.data.judge import Judged

SECONDS_SILENT = 2.0


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the rows must be."""

    LEFT_OUT: ClassVar = {"timeout_seconds"}

    rows_shown: Annotated[
        int, Meta(ge=1, le=1000, description="How many failing rows of each check stand in the report.")
    ] = 10
    pandera: Annotated[
        Annotated[str, Meta(pattern=r"^[^:]+\.py:\w+$")] | None,
        Meta(description="The team's own pandera schema, run besides: checks.py:name."),
    ] = None
    timeout_seconds: Annotated[
        float, Meta(ge=0, description="A pandera schema that takes longer is ended; 0 sets no limit.")
    ] = 0.0


def run(config: Config, inputs: "Mapping[str, Path]", ctx: "Context") -> "Outputs":
    """Scan, judge, and keep the findings and the profile."""
    from datetime import UTC, datetime

    from mlagent import __version__
    from mlagent.core.context import Outputs
    from mlagent.core.digest import canonical_json
    from mlagent.core.verdict import verdict
    from mlagent.data import judge, profile, schema_file
    from mlagent.data.scan import POLARS, Scanner
    from mlagent.measure.profile import Profile

    now = datetime.now(UTC)
    schema = schema_file.of(ctx.project, ctx.sections["data"], ctx.data)
    scanned = Scanner(schema, now, config.rows_shown, _progress(ctx)).scan(ctx.data)
    reference = ctx.references.get("accepted-data")
    before = msgspec.json.decode(reference.read_bytes(), type=Profile) if reference else None
    moved = profile.compare(before, scanned.sample, list(schema.columns)) if before else {}
    judged = judge.judge(schema, scanned, moved, now)
    tools = {"mlagent": __version__, "polars": POLARS}
    if config.pandera:
        judged, tools["pandera"] = _team(config, config.pandera, schema.sensitive, judged, ctx)
    report = {"findings": judged.findings, "rows": scanned.rows, "files": [file.name for file in ctx.data]}
    (ctx.work / "data-report.json").write_bytes(canonical_json(report))
    (ctx.work / "data-profile.json").write_bytes(
        canonical_json(profile.of_sample(scanned.sample, scanned.rows, schema))
    )
    for finding in judged.findings:
        (ctx.log.info if finding.failures <= finding.allowed else ctx.log.warning)(finding.says)
    if before is None:
        ctx.log.info("no rows were accepted before: nothing to compare with yet")
    worst = [one.says for one in judged.findings if one.severity == "fail" and one.failures > one.allowed]
    passed = sum(one.outcome == "pass" for one in judged.checks)
    return Outputs(
        summary=f"{passed} of {len(judged.checks)} checks passed on {scanned.rows} rows"
        + (f"; {worst[0]}" if worst else ""),
        verdicts=(
            verdict(
                "data",
                judged.checks,
                inputs=ctx.facts,
                tools=tools,
                valid_until=judged.valid_until,
                notes=[f"not in the rows, which the schema allows: {', '.join(sorted(scanned.absent))}"]
                if scanned.absent
                else [],
            ),
        ),
        hint="the rows stand in data-report.json; mend them at their source, or say in the schema that they are right",
    )


def _team(
    config: Config, named: str, sensitive: "Collection[str]", judged: "Judged", ctx: "Context"
) -> "tuple[Judged, str]":
    """What the team's own schema says, added to what ours says; and pandera's version."""
    from mlagent.data import team_schema

    listing = ctx.work / "listing.json"
    files = [{"name": file.name, "path": str(file.path)} for file in ctx.data]
    listing.write_bytes(msgspec.json.encode({"files": files, "sensitive": sorted(sensitive)}))
    request = {
        "task": "rows",
        "project": str(ctx.project),
        "schema": named,
        "listing": str(listing),
        "shown": config.rows_shown,
    }
    ctx.worker.run("mlagent.training", request, ctx.work, seconds=config.timeout_seconds)
    result = msgspec.json.decode((ctx.work / "result.json").read_bytes(), type=team_schema.Result)
    pairs = list(team_schema.judged(result, named))
    checks, findings = [one for one, _ in pairs], [found for _, found in pairs if found]
    both = msgspec.structs.replace(judged, checks=(*judged.checks, *checks), findings=(*judged.findings, *findings))
    return both, result.pandera


def _progress(ctx: "Context") -> "Callable[[int, int], None]":
    """Tell how far a long scan is, now and then."""
    from time import monotonic

    told = monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if monotonic() - told > SECONDS_SILENT:
            told = monotonic()
            ctx.log.progress("rows", done, of)

    return tell


STAGE = Stage(
    name="validate-data",
    title="Validate the data",
    about="Checks every row against the schema and the rows accepted last; bad data stops here, with the rows to show.",
    config=Config,
    run=run,
    writes=(
        Artifact("data-report", "data-report.json", "what is wrong, with the first rows of each kind"),
        Artifact("data-profile", "data-profile.json", "what the rows look like, column by column"),
    ),
    sections=("data",),
    sources=("**/*.py", "!tests/**", "!make_data.py"),
    in_worker="pandera",
    facts=("data", "schema", "accepted-data"),
    effect="compute",
    revision=2,
    needs=Needs(packages=(Package("polars", "control"), Package("numpy", "control"))),
)
