"""Puts what is wanted into what stands there, and touches nothing else: so that a second time changes nothing.

Jenkins rewrites what it is sent (versions of plugins, defaults, order), so texts cannot be compared.
"""

import copy
import difflib
import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from mlagent.errors import InputError

# Of these all is ours: one more or less child, or another order, and the children are replaced.
OURS = {"triggers", "userRemoteConfigs", "branches", "data"}
LISTS = {*OURS, "traits"}  # in these even what is empty says something
DECLARATION = "<?xml version='1.1' encoding='UTF-8'?>"
_ANY_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>\s*")
_SECRET = re.compile(r"(<\w*(?:[tT]oken|[sS]ecret|[pP]assword)\w*>)[^<]+|(>)\{AQ[^<]+\}(?=<)")


def parse(text: str, job: str) -> Element:
    """The XML of a job; Jenkins calls it version 1.1, of which Python's parser only knows the rest."""
    try:
        return ET.fromstring(_ANY_DECLARATION.sub("", text))  # noqa: S314 - expat bounds entities; the controller is ours
    except ET.ParseError as error:
        raise InputError(
            f"the XML of the job {job} cannot be read: {error}",
            hint="save the job once on its page, which writes it anew",
        ) from error


def text_of(root: Element) -> str:
    """What is sent."""
    return f"{DECLARATION}\n{ET.tostring(root, encoding='unicode')}\n"


def merged(current: Element, wanted: Element) -> Element:
    """A copy of `current` in which everything wanted stands."""
    found = copy.deepcopy(current)
    _put(found, wanted)
    return found


def difference(job: str, before: Element | None, after: Element) -> str:
    """A unified diff, indented for people, without secrets; empty when nothing differs."""
    old = [] if before is None else _shown(before)
    heads = ("nothing" if before is None else f"{job} as it is", f"{job} as it will be")
    return "\n".join(difflib.unified_diff(old, _shown(after), *heads, lineterm=""))


def _put(into: Element, wanted: Element) -> None:
    if into.tag in OURS and [one.tag for one in into] != [one.tag for one in wanted]:
        into[:] = [copy.deepcopy(one) for one in wanted]
    elif not len(wanted) and _text(into) != _text(wanted):
        into.text = wanted.text
    taken: set[Element] = set()
    for one in wanted:
        there = _same(one, (child for child in into if child not in taken))
        if there is not None and there.get("class") == one.get("class"):
            taken.add(there)
            _put(there, one)
        elif there is not None:
            into[list(into).index(there)] = copy.deepcopy(one)
        elif into.tag in LISTS or not _blank(one):
            into.append(copy.deepcopy(one))


def _same(wanted: Element, children: Iterable[Element]) -> Element | None:
    """The child of the same tag; of parameters the one of the same name."""
    key = wanted.findtext("name") if wanted.tag.endswith("ParameterDefinition") else None
    alike = (one for one in children if one.tag == wanted.tag)
    return next((one for one in alike if key is None or one.findtext("name") == key), None)


def _blank(one: Element) -> bool:
    """Jenkins drops what is empty: to want it is to want nothing. In a list even what is empty says something."""
    return not (_text(one) or one.attrib or (len(one) if one.tag in LISTS else not all(map(_blank, one))))


def _text(one: Element) -> str:
    return (one.text or "").strip()


def _shown(root: Element) -> list[str]:
    root = copy.deepcopy(root)
    ET.indent(root)
    return _SECRET.sub(r"\1\2[secret]", ET.tostring(root, encoding="unicode")).splitlines()
