"""A message in a real browser, as each surface of Jenkins puts it: whole, and text alone, whoever wrote into it."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mlagent.trust.approval.message import BREAK, LONGEST, message
from tests.approval_told import TOLD
from tests.surfaces import pictures
from tests.surfaces.pages import SURFACES

BREAKS = ("blue-ocean", "stage-view")  # a line's end is one there
HOSTILE = (
    '+ </h1></h3><script>document.body.innerText="approved"</script><img src=x onerror=alert(1)> \x1b[2J\u202e %s\n'
)


def shown(folder: Path, text: str) -> dict[str, dict[str, Any]]:
    pages = {name: made(text) for name, made in SURFACES.items()}
    return pictures.taken(os.environ["MLAGENT_TEST_BROWSER"], folder, pages)


def hostile() -> str:
    """Long names, markup and orders to a terminal in all that others may have written."""
    names = {f"<b>{one}</b>" + "W" * 200: HOSTILE for one in range(9)}
    wide = TOLD.approvers + tuple(names)
    return message(
        msgspec.structs.replace(TOLD, diff=HOSTILE * 9, responsible=names, approvers=wide, warnings=(HOSTILE,) * 3)
    )


@pytest.mark.parametrize("text", [message(TOLD), hostile()], ids=["as it is", "hostile"])
def test_all_of_it_is_there_and_it_is_text_alone(tmp_path: Path, text: str) -> None:
    assert len(text) <= LONGEST
    for name, found in shown(tmp_path, text).items():
        wanted = text if name in BREAKS else text.replace("\n", " ")
        assert found["text"] == wanted, name
        assert found["title"] in (None, wanted)
        assert found["inside"] == (text.count("\n") if name == "stage-view" else 0)  # its breaks are elements
        assert (found["scripts"], found["asked"]) == (0, 1)  # the page itself


def test_nothing_of_it_is_cut_off_or_wider_than_the_window(tmp_path: Path) -> None:
    for name, found in shown(tmp_path, message(TOLD)).items():
        assert (found["cut"], found["sideways"]) == (False, 0), name
        assert found["lines"] > message(TOLD).count(BREAK), name


def test_blue_ocean_would_lose_what_stands_between_brackets_so_that_there_are_none(tmp_path: Path) -> None:
    lost = shown(tmp_path, "one <\ntwo\n> three")
    assert lost["blue-ocean"]["text"] == "one  three"
    assert lost["classic"]["text"] == "one < two > three"
    assert not {"<", ">"} & set(hostile())
