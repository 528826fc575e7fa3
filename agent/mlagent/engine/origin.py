"""Where a run comes from, and what of it is done: told about a release, and part of no result."""

import os
import re
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from mlagent.core import digest
from mlagent.core.context import Done, Origin
from mlagent.engine.keys import Given
from mlagent.engine.record import RunRecord


def done(run: RunRecord, stages: Iterable[str]) -> tuple[Done, ...]:
    """Those of these stages that are done in the run, in the order that is given."""
    return tuple(
        Done(
            stage=name,
            key=entry.key,
            outputs={artifact: stored.digest for artifact, stored in entry.outputs.items()},
            verdicts=entry.verdicts,
            ended=entry.ended or "",
            made_by=entry.reused_from or run.run_id,
        )
        for name, entry in ((name, run.stages[name]) for name in stages if name in run.stages)
        if entry.state == "done"
    )


def who() -> str:
    """Who does what is done now: the build in Jenkins, else the machine; as the origin of a run says it."""
    builder, url = _runs()
    return url or builder


def of(project: Path, given: Given, run: RunRecord) -> Origin:
    """By Jenkins' variables where it runs there, by git where the project is a checkout; never a secret."""
    in_jenkins = os.environ.get("JENKINS_URL", "")
    builder, url = _runs()
    return Origin(
        builder=builder,
        url=url,
        job=os.environ.get("JOB_NAME", "") if in_jenkins else "",
        commit=run.commit or "",
        dirty=bool(run.dirty),
        author=_git(project, "log", "-1", "--format=%ae") if run.commit else "",
        repository=_without_login(_git(project, "remote", "get-url", "origin")) if run.commit else "",
        build=run.build,
        begun=run.begun,
        sources=digest.of_json(given.sources),
        data=given.facts.get("data", ""),
        config=digest.of_json(given.config),
        reason=run.reason,
    )


def _runs() -> tuple[str, str]:
    """Who runs mlagent, and its page of this build."""
    in_jenkins = os.environ.get("JENKINS_URL", "")
    return in_jenkins or f"urn:mlagent:host:{socket.gethostname()}", os.environ.get(
        "BUILD_URL", ""
    ) if in_jenkins else ""


def _git(project: Path, *arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(project), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _without_login(url: str) -> str:
    """A token often stands in the address of a remote, before the host."""
    if urlsplit(url).netloc:
        return re.sub(r"//[^/@]*@", "//", url)
    return url
