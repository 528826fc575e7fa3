"""The pictures of agent/docs/approvals.md are of the message as it is now: `python -m tests.surfaces.pictures`."""

from mlagent.core.digest import of_bytes
from mlagent.trust.approval.message import LONGEST, message
from tests.approval_told import TOLD
from tests.surfaces import pictures

PAGE = (pictures.IMAGES.parent / "approvals.md").read_text()


def test_each_picture_is_of_the_page_that_is_made_now_and_stands_in_the_docs() -> None:
    for name, page in pictures.pages().items():
        file = pictures.IMAGES / f"approval-{name}.png"
        assert f"images/{file.name}" in PAGE
        assert pictures.stamp(file.read_bytes()) == of_bytes(page.encode()), name


def test_the_message_is_whole_on_each() -> None:
    text = message(TOLD)
    assert len(text) <= LONGEST
    for page in pictures.pages().values():
        for word in (TOLD.release.digest, TOLD.evidence, "report.html"):
            assert word in page
