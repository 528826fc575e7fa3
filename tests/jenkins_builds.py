"""The double's jobs and builds: a pipeline of four known steps, and XML that is saved as Jenkins saves it."""

import re
from typing import Any
from xml.etree import ElementTree as ET

PARAMETER = "hudson.model.StringParameterDefinition"
STEP = re.compile(r"(echo|error|unstable|input)\b[^'\"]*['\"]([^'\"]*)['\"](?:.*?message: '([^']*)')?")


class Build:
    """A build of a script whose steps are known by their words."""

    def __init__(self, number: int, item: int, parameters: dict[str, str], user: str, script: str) -> None:
        self.number, self.item, self.parameters, self.user = number, item, parameters, user
        self.steps, self.result, self.asked = STEP.findall(script), "", ""
        self.text = f"Started by user {user}\n"

    def look(self) -> None:
        """Go one step on."""
        if self.result or self.asked:
            return
        if not self.steps:
            self.end("SUCCESS")
            return
        word, said, message = self.steps.pop(0)
        if word == "input":
            self.asked, self.text = said[:1].upper() + said[1:], f"{self.text}{message}\nProceed or Abort\n"
        else:
            self.text += f"{said}\n"
        if word in ("error", "unstable"):
            self.end("FAILURE" if word == "error" else "UNSTABLE")

    def end(self, result: str) -> None:
        self.result, self.asked = result, ""
        self.text += f"Finished: {result}\n"

    def actions(self) -> list[dict[str, Any]]:
        parameters = [{"name": name, "value": value} for name, value in self.parameters.items()]
        cause = {"shortDescription": f"Started by user {self.user}", "userId": self.user}
        return [{"causes": [cause]}, {"parameters": parameters}, {}]


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
