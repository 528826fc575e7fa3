"""How people are told that a decision waits, and by whom Jenkins is asked what they decided."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from mlagent.config.secret import Secret


class Approvals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Approvals beside the policy, which alone says who may give them."""

    LEFT_OUT: ClassVar = {"webhook", "webhook_format", "webhook_key", "user", "token"}

    webhook: Annotated[
        Secret | None,
        Meta(
            description="The URL that is told when a decision waits (https://…), as a reference: who has it may post."
        ),
    ] = None
    webhook_format: Annotated[
        Literal["slack", "generic"],
        Meta(description="What is sent there: text and blocks as Slack takes them, or all that is asked as JSON."),
    ] = "slack"
    webhook_key: Annotated[
        Secret | None,
        Meta(description="With `generic`, the key of the HMAC that says it is from here, as a reference."),
    ] = None
    user: Annotated[
        str | None, Meta(description="The user in Jenkins by which mlagent reads back who approved; not a person's.")
    ] = None
    token: Annotated[Secret | None, Meta(description="That user's API token, as a reference.")] = None

    def __post_init__(self) -> None:
        """Refuse half a user, and a key that would sign nothing."""
        if (self.user is None) != (self.token is None):
            message = "user and token belong together: a token is one user's"
            raise ValueError(message)
        if self.webhook_key and (self.webhook is None or self.webhook_format != "generic"):
            message = (
                "webhook_key signs what is sent to a webhook in the format generic; set both, or leave the key out"
            )
            raise ValueError(message)
