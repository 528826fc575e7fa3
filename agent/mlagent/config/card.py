"""What only people know of a model, for its card."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model card says beside what was measured; it enters the card alone, and no result."""

    LEFT_OUT: ClassVar = {"intended_use", "not_for", "data", "limits", "owner"}

    intended_use: Annotated[str, Meta(description="What the model is for, and who uses its answers.")] = ""
    not_for: Annotated[str, Meta(description="What it must not be used for.")] = ""
    data: Annotated[str, Meta(description="What the rows are: whose, from when to when, how they were collected.")] = ""
    limits: Annotated[str, Meta(description="Where its answers are known to be worse, and what follows from it.")] = ""
    owner: Annotated[str, Meta(description="Who answers for it: a team, an address.")] = ""
