"""The double's jobs and builds: a pipeline of four known steps, and XML that is saved as Jenkins saves it."""

import re
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

PARAMETER = "hudson.model.StringParameterDefinition"
STEPS_CLASS = "org.jenkinsci.plugins.workflow.support.steps.input"
STEP = re.compile(r"(echo|error|unstable|input)\b[^'\"]*['\"]([^'\"]*)['\"](?:.*?message: '([^']*)')?([^\n]*)")


class Input:
    """A question of a build: waiting, approved, rejected, timed-out or aborted."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.id = told["id"][:1].upper() + told["id"][1:]  # a small letter is for the action's own pages
        self.message, self.ok = told.get("message", ""), told.get("ok") or "Proceed"
        self.submitter, self.parameters = told.get("submitter") or "", list(told.get("parameters") or ())
        self.state, self.by, self.comment, self.looks = "waiting", "", "", told.get("looks")

    def told(self) -> dict[str, str]:
        return {"state": self.state, "by": self.by, "comment": self.comment}


class Build:
    """A build of a script whose steps are known by their words, or one whose course another program tells."""

    def __init__(self, number: int, item: int, parameters: dict[str, str], user: str, script: str) -> None:
        self.number, self.item, self.parameters, self.user = number, item, parameters, user
        self.steps, self.result, self.inputs = STEP.findall(script), "", list[Input]()
        self.limited = "timeout(" in script
        self.text = f"Started by user {user}\n" if user else ""
        self.outside, self.approvers, self.commits = False, list[str](), list[str]()
        self.causes, self.description, self.echoes = [user_cause(user)] if user else [], "", 0

    def look(self) -> None:
        """Go one step on."""
        if self.result or self.outside or self._waits_still():
            return
        if not self.steps:
            self.end("SUCCESS")
            return
        word, said, message, more = self.steps.pop(0)
        if word == "input":
            self.ask(said, message, more)
        else:
            self.text, self.echoes = f"{self.text}{said}\n", self.echoes + 1
        if word in ("error", "unstable"):
            self.end("FAILURE" if word == "error" else "UNSTABLE")

    def ask(self, said: str, message: str, more: str) -> None:
        """An input of a script."""
        submitter = re.search(r"submitter: '([^']*)'", more)
        told = {"id": said, "message": message, "submitter": submitter[1] if submitter else ""}
        names = re.findall(r"\bname: '([^']*)'", more)
        self.inputs.append(Input({**told, "parameters": names, "looks": 2 if self.limited else None}))
        self.text += f"{message}\nProceed or Abort\n"

    def _waits_still(self) -> bool:
        for one in self.waits():
            if one.looks == 0:
                one.state = "timed-out"
                self.end("ABORTED")
            elif one.looks:
                one.looks -= 1
            return True
        return False

    def waits(self) -> list[Input]:
        return [one for one in self.inputs if one.state == "waiting"]

    def input(self, name: str) -> Input | None:
        """One that waits."""
        return next((one for one in self.waits() if one.id == name), None)

    def stop(self, user: str) -> None:
        """What a pipeline elsewhere does when it is stopped is its own: it runs until that is done."""
        for one in self.waits():
            one.state, one.by = "aborted", user
        if not self.outside:
            self.end("ABORTED")

    def end(self, result: str) -> None:
        self.result = result
        for one in self.waits():
            one.state = "aborted"
        self.text += f"Finished: {result}\n"

    def actions(self) -> list[dict[str, Any]]:
        parameters = [{"name": name, "value": value} for name, value in self.parameters.items()]
        revisions = [{"_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": {"SHA1": one}}
                     for one in self.commits]  # fmt: skip
        approved = [{"_class": f"{STEPS_CLASS}.ApproverAction", "userId": one} for one in self.approvers]
        causes = {"_class": "hudson.model.CauseAction", "causes": self.causes}
        return [causes, {"parameters": parameters}, {}, *revisions, *approved]


def user_cause(user: str) -> dict[str, Any]:
    told = {"_class": "hudson.model.Cause$UserIdCause", "shortDescription": f"Started by user {user}"}
    return {**told, "userId": user, "userName": user.title()}


def name_of(path: str) -> str:
    """A job's name with its folders, from its path."""
    return path.replace("/job/", "/").removeprefix("job/").strip("/")


def path_of(name: str) -> str:
    """A job's path, escaped as Util.rawEncode leaves it."""
    return "job/" + "/job/".join(quote(part, safe="!$&'()*+,=@") for part in name.split("/"))


class Job:
    """A job, its XML as Jenkins writes it anew, and its builds."""

    def __init__(self, xml: ET.Element) -> None:
        self.xml, self.builds = xml, list[Build]()
        self.disabled = False

    def defaults(self) -> dict[str, str]:
        return {one.findtext("name") or "": one.findtext("defaultValue") or "" for one in self.xml.iter(PARAMETER)}

    def definitions(self) -> list[dict[str, Any]]:
        return [{}, {"parameterDefinitions": [{"name": name} for name in self.defaults()]}]


def rewritten(root: ET.Element) -> ET.Element:
    """As Jenkins saves it: what is empty goes, versions and defaults come, in an order of its own."""
    for one in root.iter():
        one[:] = [
            child for child in one if len(child) or (child.text or "").strip() or child.attrib or "." in child.tag
        ]
        if "." in one.tag:
            one.set("plugin", f"{one.tag.split('.')[-1].lower()}@1.2.3")
        if one.tag.endswith("SCMTrigger") and one.find("ignorePostCommitHooks") is None:
            ET.SubElement(one, "ignorePostCommitHooks").text = "false"
    if root.find("disabled") is None:
        root.insert(0, ET.Element("disabled"))
        root[0].text = "false"
    if (properties := root.find("properties")) is not None:
        properties[:] = reversed(list(properties))
    return root
