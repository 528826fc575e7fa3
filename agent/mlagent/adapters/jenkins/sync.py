"""Brings the jobs of mlpipeline.yaml to the controller: looks, shows, and changes only what it made."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import msgspec

from mlagent.adapters.jenkins import jobs, merge
from mlagent.adapters.jenkins.controller import Controller
from mlagent.adapters.jenkins.refusals import NotThere
from mlagent.config.jenkins import Jenkins
from mlagent.errors import ConfigError, PolicyRefused


class Change(msgspec.Struct, frozen=True):
    """What is to happen to one job; nothing where the diff is empty."""

    job: str
    new: bool
    xml: str
    diff: str


def changes(controller: Controller, settings: Jenkins, project: str) -> list[Change]:
    """Every job with what would change.

    ConfigError (3): no repository, a missing plugin, a job of the other kind. PolicyRefused (12): a job of others.
    """
    if settings.repository is None:
        raise ConfigError(
            "jenkins.repository is not set", hint="name where Jenkins fetches the project: `git remote get-url origin`"
        )
    lacking = sorted(set(jobs.NEEDED[settings.kind]) - (controller.plugins() or set(jobs.NEEDED[settings.kind])))
    if lacking:
        raise ConfigError(
            f"the controller lacks the plugin {', '.join(lacking)}, which a {settings.kind} job needs",
            hint="install it (Manage Jenkins, Plugins); jenkins/plugins.txt lists all, jenkins/README.md says what for",
        )
    return list(_each(controller, settings, project))


def apply(controller: Controller, change: Change) -> None:
    """Carry one change out; ConfigError (3) where its folder is not there."""
    if not change.new:
        controller.configure(change.job, change.xml)
        return
    try:
        controller.create(change.job, change.xml)
    except NotThere as error:
        folder = change.job.rpartition("/")[0]
        raise ConfigError(
            f"{controller.where} has no folder {folder!r}",
            hint="make it there first (New Item, Folder), or set jenkins.job to a name without it",
        ) from error


def _each(controller: Controller, settings: Jenkins, project: str) -> Iterator[Change]:
    for job, wanted in jobs.wanted(settings, project).items():
        text = controller.config(job)
        if text is None:
            yield Change(job, new=True, xml=merge.text_of(wanted), diff=merge.difference(job, None, wanted))
            continue
        current = merge.parse(text, job)
        _must_be_ours(current, job, project)
        _must_be_of_kind(current, wanted, job)
        wanted.remove(wanted[0])  # the description: the marker stands there, and people may have added to it
        after = merge.merged(current, wanted)
        yield Change(job, new=False, xml=merge.text_of(after), diff=merge.difference(job, current, after))


def _must_be_ours(current: Element, job: str, project: str) -> None:
    line = jobs.marker(project)
    if line not in (current.findtext("description") or ""):
        raise PolicyRefused(
            f"the job {job} is there, and mlagent did not make it for the project {project}; nothing was changed",
            hint=f"name another in jenkins.job; or, to hand this one over, put into its description: {line}",
        )


def _must_be_of_kind(current: Element, wanted: Element, job: str) -> None:
    if current.tag != wanted.tag:
        raise ConfigError(
            f"the job {job} is a {current.tag}, and Jenkins cannot make it a {wanted.tag}",
            hint="name another in jenkins.job, or rename that one; its builds stay with it",
        )
