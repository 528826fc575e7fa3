"""Where the ledger is kept, and by whom its checkpoints are signed."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret
from mlagent.config.signer import KEYLESS, must_be_one


class Ledger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record of who promoted, approved and rolled back what; with neither `file` nor `database`, in the store."""

    LEFT_OUT: ClassVar = {"file", "database", "key", "password", "service", "public_key", "checkpoint_every"}

    file: Annotated[
        str | None, Meta(description="A file of JSON lines on a disk that all build nodes share; made where missing.")
    ] = None
    database: Annotated[
        Secret | None,
        Meta(description="A database by its URL (postgresql+psycopg://…, sqlite:///ledger.db), as a reference."),
    ] = None
    key: Annotated[
        Secret | None,
        Meta(description="cosign's private key that signs checkpoints, as a reference; null: that of `sign`."),
    ] = None
    password: Annotated[Secret | None, Meta(description="The password of `key`, as a reference.")] = None
    service: Annotated[
        str | None, Meta(description="Instead of `key`, who keeps one, as in `sign.service`; not keyless.")
    ] = None
    public_key: Annotated[
        str | None,
        Meta(description="A file with the public key that checkpoints must verify by; null: the keys of the policy."),
    ] = None
    checkpoint_every: Annotated[
        int, Meta(ge=1, description="A checkpoint is due after so many entries, besides those at each promotion.")
    ] = 100

    def __post_init__(self) -> None:
        """Refuse two places, two signers, and a signer who leaves nothing to verify by."""
        if self.file and self.database:
            message = "file and database are two places: give one of them"
            raise ValueError(message)
        must_be_one(self.key, self.password, self.service)
        if self.service == KEYLESS:
            message = "service: keyless cannot sign checkpoints: name a key, or a service that keeps one"
            raise ValueError(message)
