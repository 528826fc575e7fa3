"""Which files are derived, and what each must hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from mlagent import catalog
from mlagent.config.environments import ENVIRONMENTS
from mlagent.config.fields import fields_of
from mlagent.config.sections import SHARED
from mlagent.core.artifact import Artifact
from mlagent.core.files import write_whole
from mlagent.core.stage import EFFECTS, Stage
from mlagent.errors import EXIT_CODES
from mlagent.render.schema import schema_text
from mlagent.render.trust import policy_text, verdicts_text

VERBS = {stage.verb: stage for stage in reversed(catalog.STAGES)}.values()  # of several environments' the first
GENERATED = "<!-- Rendered from the catalog by `make render`; edit the declaration, not this page. -->"


def views() -> dict[str, str]:
    """Every derived file by its path in the repository."""
    pages = {f"agent/docs/stages/{stage.verb}.md": stage_page(stage) for stage in VERBS}
    return pages | {
        "agent/docs/stages/README.md": stages_page(),
        "agent/docs/configuration.md": configuration_page(),
        "agent/docs/errors.md": errors_page(),
        "agent/docs/mlpipeline.schema.json": schema_text(),
        "agent/docs/verdicts.schema.json": verdicts_text(),
        "agent/docs/policy.schema.json": policy_text(),
        "resources/mlagent/stages.json": stages_json(),
    }


def stale(root: Path, wanted: Mapping[str, str]) -> list[str]:
    """Paths whose file is absent, other than it must be, or no longer derived from anything."""
    kept = {path.relative_to(root).as_posix() for path in (root / "agent/docs/stages").glob("*.md")}
    differing = [
        name for name, text in wanted.items() if not (root / name).is_file() or (root / name).read_text() != text
    ]
    return differing + sorted(kept - set(wanted))


def write(root: Path, wanted: Mapping[str, str], names: Sequence[str]) -> None:
    """Write what is stale, remove what is derived from nothing."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in wanted:
            write_whole(path, wanted[name].encode())
        else:
            path.unlink()


def stage_page(stage: Stage) -> str:
    """The page of one stage."""
    needs = [f"{package.module} (`mlagent[{package.extra}]`)" for package in stage.needs.packages]
    needs += ["an NVIDIA GPU where there is one, else the CPU"] if stage.needs.gpu else []
    needs += ["a container engine, where there is an image"] if stage.needs.docker else []
    rows = [
        f"- **Effect**: {stage.effect}: {EFFECTS[stage.effect]}.",
        f"- **Reads**: {_list(stage.reads)}",
        f"- **Writes**: {_list([_artifact(one) for one in stage.writes])}",
        f"- **Shared sections**: {_list(stage.sections)}",
        f"- **Also uses, without a change of the result**: {_list(stage.uses)}",
        f"- **Facts of the world**: {_list(stage.facts)}",
        f"- **Runs in the worker's environment**: {_worker(stage)}",
        f"- **Source files that count**: {_list([f'`{one}`' for one in stage.sources])}",
        f"- **Needs**: {_list(needs)}",
    ]
    return _page(f"{stage.verb}: {stage.title}", stage.about, "\n".join(rows), *_settings(stage))


def _settings(stage: Stage) -> list[str]:
    if stage.environment:
        links = " and ".join(f"[`{one}`](../configuration.md#{one})" for one in ENVIRONMENTS)
        told = f"Each environment has one; this page shows {stage.environment}'s, `mlagent {stage.command}`."
        return [f"{told} The keys stand in the sections {links}."]
    return _fields(stage.settings, stage.config)


def _worker(stage: Stage) -> str:
    return (
        f"where `{stage.in_worker}` is set" if isinstance(stage.in_worker, str) else "yes" if stage.in_worker else "no"
    )


def stages_page() -> str:
    """The chain at a glance."""
    rows = [f"| [{stage.name}]({stage.verb}.md) | {stage.effect} | {stage.about} |" for stage in catalog.STAGES]
    return _page("The stages, in order", "\n".join(["| stage | effect | what it does |", "| --- | --- | --- |", *rows]))


def configuration_page() -> str:
    """The sections that several stages share, and where values come from."""
    order = "`mlpipeline.yaml` < `MLAGENT_…` environment < flags; `mlagent config explain` shows every value's source."
    shared = [(name, struct) for name, struct in catalog.SECTIONS.items() if name in (*SHARED, *ENVIRONMENTS)]
    parts = [part for name, struct in shared for part in (f"## {name}", struct.__doc__ or "", *_fields(name, struct))]
    links = ", ".join(f"[{one.name}](stages/{one.name}.md)" for one in catalog.STAGES if not one.section)
    return _page("Configuration", order, *parts, f"Each stage has a section of its own: {links}.")


def errors_page() -> str:
    """The exit codes."""
    rows = [f"| {one.code} | {one.category} | {one.meaning} | {one.jenkins} |" for one in EXIT_CODES]
    told = (
        "Every error is printed as what happened and a hint, and kept as `error.json` (exit_code, category, retryable, "
        "message, hint) in `.mlagent` and in the run's folder. Any code not listed is a FAILURE in Jenkins; "
        "any other signal n ends with 128+n."
    )
    table = ["| code | category | meaning | in Jenkins |", "| --- | --- | --- | --- |", *rows]
    return _page("Exit codes", told, "\n".join(table))


def stages_json() -> str:
    """What Groovy needs to know: stages, their needs, and the exit codes."""
    stages = [
        {
            "name": one.name,
            "command": one.command,
            "title": one.title,
            "effect": one.effect,
            "node": one.needs.node,
            "minutes": one.minutes,
            "needs": _flags(one),
        }
        for one in catalog.STAGES
    ]
    codes = [code._asdict() for code in EXIT_CODES]
    return msgspec.json.format(msgspec.json.encode({"stages": stages, "exit_codes": codes})).decode() + "\n"


def _flags(stage: Stage) -> dict[str, bool]:
    return {name: value for name, value in msgspec.structs.asdict(stage.needs).items() if isinstance(value, bool)}


def _fields(section: str, struct: type[msgspec.Struct]) -> list[str]:
    rows = [f"| `{one.key}` | {one.expects} | `{one.variable}` | {one.about} |" for one in fields_of(section, struct)]
    return ["\n".join(["| key | value | variable | meaning |", "| --- | --- | --- | --- |", *rows])] if rows else []


def _artifact(one: Artifact) -> str:
    return f"{one.name} (`{one.file}`{', optional' if one.optional else ''}): {one.about}"


def _list(items: Sequence[str]) -> str:
    return "; ".join(items) or "nothing"


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", GENERATED, *parts]) + "\n"
