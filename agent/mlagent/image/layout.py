"""An image in a folder, as the OCI image layout has it: asked like a registry."""

import re
import shutil
from pathlib import Path

import msgspec

from mlagent.core import digest as content
from mlagent.core import oci
from mlagent.core.digest import Digest
from mlagent.core.ports.images import Content, Progress
from mlagent.errors import ConfigError, InputError
from mlagent.image.base import Wanted

SCHEME = "oci:"
INDEX = "index.json"
HEX = re.compile(r"[0-9a-f]{64}")


class Layout:
    """A folder with index.json and blobs/; `name` is how people call it."""

    def __init__(self, folder: Path, name: str) -> None:
        """ConfigError (3) where the folder is none."""
        self._folder, self._name = folder, name
        if not (folder / INDEX).is_file():
            raise ConfigError(
                f"{name} is no image layout: {folder / INDEX} is not there",
                hint="`skopeo copy docker://IMAGE oci:FOLDER:latest` writes one",
            )

    def index(self) -> Content:
        """What it holds; InputError (4) where that cannot be read."""
        data = (self._folder / INDEX).read_bytes()
        try:
            msgspec.json.decode(data, type=oci.Index)
        except msgspec.MsgspecError as error:
            raise InputError(f"{self._name}: {INDEX} cannot be read: {error}", hint="write the layout anew") from error
        return Content(data, oci.INDEX)

    def manifest(self, path: str, reference: str) -> Content | None:  # noqa: ARG002 - a layout has no repositories
        """A manifest or index by its digest, verified."""
        file = self._file(reference)
        if not file.is_file():
            return None
        data = file.read_bytes()
        self._must_be(content.of_bytes(data), reference)
        return Content(data, "")  # it says itself what it is

    def pull(self, path: str, digest: Digest, size: int, to: Path, progress: Progress | None = None) -> None:  # noqa: ARG002
        """Copy a piece, verified."""
        file = self._file(digest)
        if not file.is_file():
            raise InputError(f"{self._name} lacks its piece {digest}", hint="write the layout anew, and whole")
        try:
            shutil.copyfile(file, to)
        except OSError as error:
            error.filename = str(to)  # it names what was read, and a full disk is where it is written
            raise
        self._must_be(content.of_file(to), digest)
        if progress:
            progress(size, size)

    def _must_be(self, found: Digest, wanted: Digest) -> None:
        if found != wanted:
            raise InputError(
                f"{self._name}: the piece {wanted} is corrupt, its content is {found}", hint="write the layout anew"
            )

    def _file(self, digest: Digest) -> Path:
        algorithm, _, name = digest.partition(":")
        return self._folder / "blobs" / algorithm / name


def wanted(name: str, project: Path, platform: str) -> tuple[Layout, Wanted]:
    """What `oci:FOLDER` or `oci:FOLDER@sha256:…` names; a folder without a digest stands for all that it holds."""
    folder, _, digest = name.removeprefix(SCHEME).partition(f"@{content.ALGORITHM}:")  # an @ alone is the folder's own
    layout = Layout(project / Path(folder).expanduser(), name)
    if digest and not HEX.fullmatch(digest):
        raise ConfigError(
            f"package.base {name} ends in no digest", hint="write all 64 digits of it, or oci:FOLDER alone"
        )
    if digest:
        return layout, Wanted(name, "", f"{content.ALGORITHM}:{digest}", platform)
    begin = layout.index()
    return layout, Wanted(name, "", content.of_bytes(begin.data), platform, begin)
