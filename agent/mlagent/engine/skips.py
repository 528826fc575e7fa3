"""Stages the team leaves out and why (`stages.skip`): the run says so, and is neither registered nor deployed."""

from collections.abc import Mapping, Sequence

from mlagent.config.load import Settings
from mlagent.core.stage import Stage
from mlagent.errors import ConfigError

PREFIX = "reason to skip "


def fact(stage: str) -> str:
    """What a skip is called among the facts that name the run."""
    return PREFIX + stage


def of(facts: Mapping[str, str]) -> dict[str, str]:
    """The reason by skipped stage."""
    return {name.removeprefix(PREFIX): reason for name, reason in facts.items() if name.startswith(PREFIX)}


def facts(settings: Settings, stages: Sequence[Stage]) -> dict[str, str]:
    """The reasons as facts; ConfigError (3) where a stage that is not skipped needs what a skipped one makes."""
    skipped: Mapping[str, str] = settings.sections["stages"].skip
    makers = {artifact.name: stage.name for stage in stages if stage.name in skipped for artifact in stage.writes}
    for stage in stages:
        needed = [makers[name] for name in stage.reads if name in makers]
        if needed and stage.name not in skipped:
            raise ConfigError(
                f"stages.skip: {needed[0]} cannot be skipped, {stage.name} needs what it makes",
                hint=f"skip {stage.name} as well, or run {needed[0]}",
            )
    return {fact(name): reason for name, reason in skipped.items()}
