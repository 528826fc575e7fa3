"""A statement over the model's own files, for those who take them without the image; bound to the image's digest."""

from collections.abc import Mapping

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.errors import InputError
from mlagent.trust import plain, statement
from mlagent.trust.statement import Statement

TYPE = "urn:mlagent:model:v1"
FILE, SIGNATURE = "model.intoto.json", "model.intoto.json.sig"
FILES = ("model.onnx", "signature.json")


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """The predicate: the release (the image's digest) that holds the same files, and its repository."""

    release: Digest
    repository: str = ""


def write(files: Mapping[str, Digest], release: Digest, repository: str) -> bytes:
    """The statement about files by name (`model.onnx`, `signature.json`), in canonical JSON."""
    return statement.write(TYPE, Bundle(release=release, repository=repository), files)


def read(data: bytes) -> tuple[Statement, Bundle]:
    """The statement and what it says; InputError (4) where it is another."""
    found = statement.parse(data, FILE)
    if found.predicate_type != TYPE:
        raise InputError(f"{FILE} states {found.predicate_type[:80]!r}", hint=f"a model's statement is {TYPE}")
    return found, plain.convert(found.predicate, Bundle, FILE)


def differing(said: Statement, files: Mapping[str, Digest]) -> list[str]:
    """What is wrong with the files, in sentences: a model's are to be signed, and all that are signed to be there."""
    stated = {one.name: f"{digest.ALGORITHM}:{one.digest.get(digest.ALGORITHM, '')}" for one in said.subject}
    wrong = [f"{name} was not signed" for name in FILES if name not in stated]
    for name, one in stated.items():
        if name not in files:
            wrong.append(f"{name} is missing")
        elif files[name] != one:
            wrong.append(f"{name} is {files[name]}, and {one} was signed")
    return wrong
