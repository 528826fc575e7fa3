"""Which result a stage would give: a digest of all it depends on, part by part, so that a difference can be named."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from mlagent.config.sections import SHARED
from mlagent.core import digest
from mlagent.core.stage import Stage


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the world is when a plan is made; digests by name.

    `config` holds plain sections, `sources` a digest a stage, `facts` what stages declare of the world (e.g. `data`),
    `environment` the digest of the worker's lock, `force` a nonce for each stage that is to run whatever is known.
    """

    config: Mapping[str, Any]
    sources: Mapping[str, str]
    facts: Mapping[str, str]
    environment: str = ""
    force: Mapping[str, str] = {}


Parts = dict[str, str]
FORCE = "--force"


def left_out(section: type[msgspec.Struct]) -> Collection[str]:
    """Keys that change no result: where things lie, how long something may take."""
    return getattr(section, "LEFT_OUT", ())


def parts_of(stage: Stage, given: Given, inputs: Mapping[str, str]) -> Parts:
    """Name and value of everything the stage's result depends on; configuration key by key, so a change has a name."""
    parts = {"stage": f"{stage.name} revision {stage.revision}"}
    for section in (stage.settings, *stage.sections):
        for key, value in given.config[section].items():
            ignored = stage.ignores if section == stage.settings else ()
            if key not in left_out(SHARED.get(section, stage.config)) and key not in ignored:
                parts[f"{section}.{key}"] = digest.canonical_json(value).decode()
    parts |= {f"input {name}": inputs[name] for name in stage.reads}
    parts |= {f"the {fact}": given.facts[fact] for fact in stage.facts}
    if stage.counts_sources(given.config[stage.settings]):
        parts["the sources"] = given.sources[stage.name]
    if stage.calls_team(given.config[stage.settings]):
        parts["the worker's environment"] = given.environment
    scripts = [name for name in given.facts if name.startswith("script ") and name.endswith(f" {stage.name}")]
    parts |= {f"the {name}": given.facts[name] for name in scripts}
    if stage.name in given.force:
        parts[FORCE] = given.force[stage.name]
    return parts


def key_of(parts: Parts) -> str:
    """The key: a digest of all parts."""
    return digest.of_json(parts)


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of the parts that differ, configuration first."""
    return [name for name in {**now, **before} if before.get(name) != now.get(name)]
