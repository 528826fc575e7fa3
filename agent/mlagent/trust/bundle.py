"""The files of a model without its image: whether they are what was signed, and by whom."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.core.ports.signer import By, Verifier
from mlagent.errors import InputError, PolicyRefused
from mlagent.trust import release


class Signed(NamedTuple):
    """The release (the image's digest) that holds the same files, the files, and who signed."""

    release: Digest
    files: Mapping[str, Digest]
    by: str


def verify(folder: Path, verifier: Verifier, signers: Mapping[str, By]) -> Signed:
    """PolicyRefused (12) says what is wrong; InputError (4) where the statement or its signature is not there."""
    statement = folder / release.FILE
    try:
        data, signature = statement.read_bytes(), (folder / release.SIGNATURE).read_bytes()
    except OSError as error:
        raise InputError(
            f"{error.filename} cannot be read: {error.strerror}",
            hint=f"put {release.FILE} and {release.SIGNATURE}, which `sign` wrote, beside the model's files",
        ) from error
    by = [name for name, one in signers.items() if verifier.verify_blob(statement, signature, one)]
    if not by:
        raise _refused(folder, [f"{release.FILE} is not signed by {' or '.join(signers) or 'a key: none was named'}"])
    said, bundle = release.read(data)
    files = {one.name: digest.of_file(folder / one.name) for one in said.subject if _there(folder, one.name)}
    if wrong := release.differing(said, files):
        raise _refused(folder, wrong)
    return Signed(bundle.release, files, ", ".join(by))


def _there(folder: Path, name: str) -> bool:
    """A statement names files beside it, and nothing elsewhere."""
    return Path(name).name == name and (folder / name).is_file()


def _refused(folder: Path, wrong: list[str]) -> PolicyRefused:
    return PolicyRefused(
        f"{folder} does not hold what was signed: {'; '.join(wrong)}", hint="take the files of one release, all of them"
    )
