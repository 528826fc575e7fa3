"""Where everything came from: enough to make it again, and to prove that it was not another."""

from collections.abc import Iterator

import msgspec

from mlagent.plot.words import text
from mlagent.report.html import code, details, section, table
from mlagent.report.run import Run

FACTS = {
    "data": "the rows",
    "schema": "the schema",
    "accepted-data": "the profile of the rows accepted last",
    "production-model": "the model in production",
    "waivers": "the file of waivers",
}


def provenance(run: Run) -> str:
    """Source, digests, configuration with the source of each value, and what each result depends on."""
    return section(
        "provenance",
        "Provenance",
        table("Source and run", ("what", "value"), _source(run), wide=1),
        table("What was written", ("artifact", "stage", "bytes", "digest"), _artifacts(run), numbers=(2,), wide=3),
        table("Tools", ("tool", "version", "in the verdict of"), _tools(run), wide=2),
        _config(run),
        *_keys(run),
    )


def _source(run: Run) -> Iterator[tuple[str, str]]:
    tree = {None: "", True: " with uncommitted changes", False: ", a clean tree"}[run.dirty]
    yield "project", text(run.project)
    yield "run", code(run.run_id)
    yield "build and attempt", f"{run.build}, attempt {run.attempt}"
    yield "begun", text(run.begun)
    yield "commit", code(run.commit) + tree if run.commit else "without git"
    yield "mlagent", code(run.mlagent)
    for name, value in run.facts.items():
        yield text(FACTS.get(name, name)), code(value) if value else "none"


def _artifacts(run: Run) -> Iterator[tuple[str, ...]]:
    for stage in run.stages:
        for name, one in stage.outputs.items():
            yield f"{text(name)} ({text(one.path)})", text(stage.name), f"{one.size:,}", code(one.digest)


def _tools(run: Run) -> Iterator[tuple[str, ...]]:
    found: dict[tuple[str, str], list[str]] = {}
    for stage in run.stages:
        for verdict in stage.verdicts:
            for tool in verdict.tools.items():
                found.setdefault(tool, []).append(stage.name)
    for (name, version), where in found.items():
        yield text(name), code(version), text(", ".join(dict.fromkeys(where)))


def _config(run: Run) -> str:
    """What somebody set stands open; what is as it comes is folded."""
    rows = []
    for key, source in run.sources.items():
        name, _, field = key.partition(".")
        value = run.config.get(name, {}).get(field)
        shown = msgspec.json.encode(value, order="sorted").decode()
        rows.append((source == "default", (code(key), code(shown), text(source))))
    head = ("key", "value", "set by")
    given = table("Configuration that was set", head, (row for plain, row in rows if not plain), wide=1)
    plain = [row for plain, row in rows if plain]
    return given + details(f"{len(plain)} keys at their defaults", table("Defaults", head, plain, wide=1))


def _keys(run: Run) -> Iterator[str]:
    for stage in run.stages:
        if stage.key:
            rows = [(text(name), code(value) if value else "none") for name, value in stage.parts.items()]
            caption = f"What {stage.name} depends on"
            inside = f"<p>Key {code(stage.key)}</p>" + table(caption, ("part", "value"), rows, wide=1)
            yield details(caption, inside)
