"""What the jobs of the `jenkins:` section are in Jenkins' own XML: only what is wanted, Jenkins adds its defaults."""

import re
import uuid
from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

from mlagent.adapters.jenkins.builds import REASON
from mlagent.config.jenkins import WORDS, Jenkins

RETRAIN = "-retrain"
_JOB = "org.jenkinsci.plugins.workflow.job"
_BRANCHES = "org.jenkinsci.plugins.workflow.multibranch"
NEEDED = {
    "pipeline": ("git", "workflow-cps", "workflow-job"),
    "multibranch": ("branch-api", "cloudbees-folder", "git", "workflow-cps", "workflow-job", "workflow-multibranch"),
}
_UNSAID = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")  # XML cannot hold these
PIPELINE, MULTIBRANCH = "flow-definition", f"{_BRANCHES}.WorkflowMultiBranchProject"


def marker(project: str) -> str:
    """The line of its description by which a job says whose it is."""
    return f"Made by mlagent jenkins sync for the project {project}: change its mlpipeline.yaml, not this page."


def name(settings: Jenkins, project: str) -> str:
    """The job as it is called on the controller, folders first."""
    return settings.job or project


def built(settings: Jenkins, project: str) -> str:
    """The job that `trigger` starts: it takes a reason, which a branch's own job does not."""
    return name(settings, project) + (RETRAIN if settings.kind == "multibranch" else "")


def wanted(settings: Jenkins, project: str) -> Mapping[str, Element]:
    """The XML of each job, by its name."""
    timed = pipeline(settings, project, push=settings.kind == "pipeline")
    if settings.kind == "pipeline":
        return {name(settings, project): timed}
    return {name(settings, project): multibranch(settings, project), built(settings, project): timed}


def pipeline(settings: Jenkins, project: str, *, push: bool) -> Element:
    """A job of one branch, with its triggers and the parameter of a retrain."""
    root = Element(PIPELINE)
    _texts(root, description=marker(project))
    properties = SubElement(root, "properties")
    strategy = SubElement(
        SubElement(properties, "jenkins.model.BuildDiscarderProperty"), "strategy", {"class": "hudson.tasks.LogRotator"}
    )
    _texts(
        strategy, daysToKeep="-1", numToKeep=str(settings.keep_builds), artifactDaysToKeep="-1", artifactNumToKeep="-1"
    )
    definitions = SubElement(
        SubElement(properties, "hudson.model.ParametersDefinitionProperty"), "parameterDefinitions"
    )
    about = "Why this build, when it is not a push: kept in the run's record."
    _texts(
        SubElement(definitions, "hudson.model.StringParameterDefinition"),
        name=REASON,
        description=about,
        defaultValue="",
    )
    if not push:  # beside a job that pushes start, this one only repeats itself
        _texts(SubElement(properties, f"{_JOB}.properties.DisableConcurrentBuildsJobProperty"), abortPrevious="false")
    triggers = SubElement(SubElement(properties, f"{_JOB}.properties.PipelineTriggersJobProperty"), "triggers")
    if clock := "\n".join(filter(None, (_cron(settings.schedule), settings.data))):
        _texts(SubElement(triggers, "hudson.triggers.TimerTrigger"), spec=clock)
    if push and settings.push != "none":  # without a spec it only listens to /git/notifyCommit
        _texts(
            SubElement(triggers, "hudson.triggers.SCMTrigger"), spec=settings.poll if settings.push == "poll" else ""
        )
    _definition(root, settings)
    return root


def multibranch(settings: Jenkins, project: str) -> Element:
    """A folder with a job for every branch that holds the Jenkinsfile."""
    root = Element(MULTIBRANCH)
    _texts(root, description=marker(project))
    orphans = "com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy"
    _texts(
        SubElement(root, "orphanedItemStrategy", {"class": orphans}),
        pruneDeadBranches="true",
        daysToKeep="-1",
        numToKeep="-1",
    )
    triggers = SubElement(root, "triggers")
    if settings.push == "poll":
        trigger = SubElement(triggers, "com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger")
        _texts(trigger, spec=settings.poll, interval="60000")  # ms, the least there is: `spec` alone decides when
    data = SubElement(
        SubElement(root, "sources", {"class": "jenkins.branch.MultiBranchProject$BranchSourceList"}), "data"
    )
    branch_source = SubElement(data, "jenkins.branch.BranchSource")
    source = SubElement(branch_source, "source", {"class": "jenkins.plugins.git.GitSCMSource"})
    _texts(source, id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"mlagent:{project}")), **_remote(settings, "remote"))
    SubElement(SubElement(source, "traits"), "jenkins.plugins.git.traits.BranchDiscoveryTrait")
    strategy = SubElement(branch_source, "strategy", {"class": "jenkins.branch.DefaultBranchPropertyStrategy"})
    SubElement(strategy, "properties", {"class": "empty-list"})
    factory = SubElement(root, "factory", {"class": f"{_BRANCHES}.WorkflowBranchProjectFactory"})
    for part in (root.find("sources"), factory):
        if part is not None:
            SubElement(part, "owner", {"class": MULTIBRANCH, "reference": "../.."})
    _texts(factory, scriptPath=settings.script)
    return root


def _definition(root: Element, settings: Jenkins) -> None:
    definition = SubElement(root, "definition", {"class": "org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition"})
    scm = SubElement(definition, "scm", {"class": "hudson.plugins.git.GitSCM"})
    _texts(scm, configVersion="2")
    remotes = SubElement(scm, "userRemoteConfigs")
    _texts(SubElement(remotes, "hudson.plugins.git.UserRemoteConfig"), **_remote(settings, "url"))
    branches = SubElement(scm, "branches")
    _texts(SubElement(branches, "hudson.plugins.git.BranchSpec"), name=f"*/{settings.branch}")
    _texts(definition, scriptPath=settings.script, lightweight="true")


def _remote(settings: Jenkins, key: str) -> dict[str, str]:
    return {key: settings.repository or "", "credentialsId": settings.credentials or ""}


def _cron(spec: str | None) -> str | None:
    return WORDS.get(spec, spec) if spec else None


def _texts(parent: Element, **texts: str) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = _UNSAID.sub("\ufffd", text)
