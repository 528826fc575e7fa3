"""What is not as the ledger says: first as it is seen, then with an id by which a person acknowledges it."""

from typing import Literal, NamedTuple

import msgspec

from mlagent.core import digest

Kind = Literal[
    "ledger",
    "alias-moved",
    "alias-gone",
    "version-deleted",
    "tag-differs",
    "other-release",
    "edited",
    "cut-off",
    "unrecorded",
    "not-deployed",
]


class Odd(NamedTuple):
    """Before it has an id: `key` is what makes it this one and no other, without figures that go on."""

    kind: Kind
    environment: str
    key: str
    says: str
    cure: str
    blocks: bool = True


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as the ledger says; `id` is of what was found, so that it is acknowledged once and alone.

    `environment` is empty for what is about none; `cure` is what to do; one that does not block is for information.
    """

    id: str
    kind: Kind
    environment: str
    says: str
    cure: str
    blocks: bool


def finding(odd: Odd) -> Finding:
    """With its id."""
    return Finding(
        id=digest.short(digest.of_json([odd.kind, odd.environment, odd.key])),
        kind=odd.kind,
        environment=odd.environment,
        says=odd.says,
        cure=odd.cure,
        blocks=odd.blocks,
    )
