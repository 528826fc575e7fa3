"""Makes the pictures of agent/docs/approvals.md anew: each holds the digest of the page that it is a picture of.

MLAGENT_TEST_BROWSER=PYTHON python -m tests.surfaces.pictures     (PYTHON has Playwright: see `make e2e`)
"""

import json
import os
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlagent.core.digest import of_bytes
from mlagent.trust.approval.message import message
from tests.approval_told import TOLD
from tests.surfaces.pages import SURFACES

IMAGES = Path(__file__).parents[2] / "agent" / "docs" / "images"
KEY = "page"
_BEGIN = b"\x89PNG\r\n\x1a\n"


def pages() -> dict[str, str]:
    """The page that each picture is of."""
    return {name: made(message(TOLD)) for name, made in SURFACES.items()}


def taken(browser: str, folder: Path, shown: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Pictures `NAME.png` in the folder, and what the browser saw."""
    for name, page in shown.items():
        (folder / f"{name}.html").write_text(page)
    script = Path(__file__).with_name("shots.py")
    command = [browser, str(script), str(folder), *(f"{name}={folder / name}.html" for name in shown)]
    found: dict[str, dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def stamped(picture: bytes, page: str) -> bytes:
    """The same picture, with the page's digest in a text of PNG's own kind before its end."""
    kept = [chunk for kind, chunk in _chunks(picture) if kind != b"IEND"]
    text = KEY.encode() + b"\0" + of_bytes(page.encode()).encode()
    check = struct.pack(">I", zlib.crc32(b"tEXt" + text))
    return _BEGIN + b"".join([*kept, struct.pack(">I", len(text)) + b"tEXt" + text + check, _END])


def stamp(picture: bytes) -> str:
    """The digest of the page that it is a picture of."""
    texts = [chunk[8:-4].partition(b"\0") for kind, chunk in _chunks(picture) if kind == b"tEXt"]
    [found] = [value.decode() for key, _, value in texts if key == KEY.encode()]
    return found


_END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))


def _chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_BEGIN)
    while at < len(picture):
        end = at + 12 + int.from_bytes(picture[at : at + 4])
        yield picture[at + 4 : at + 8], picture[at:end]
        at = end


def main() -> None:
    shown = pages()
    with tempfile.TemporaryDirectory() as folder:
        taken(os.environ["MLAGENT_TEST_BROWSER"], Path(folder), shown)
        for name, page in shown.items():
            (IMAGES / f"approval-{name}.png").write_bytes(stamped(Path(folder, f"{name}.png").read_bytes(), page))


if __name__ == "__main__":
    main()
