"""Where a release stands once it is brought to an environment."""

import msgspec

from mlagent.core.release import Release


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A release in a pod template: `id` is the template's (label `mlagent.io/placement`), `since` RFC 3339 in UTC.

    `since` is when it had come to serve in full, empty before.
    """

    id: str
    release: Release
    since: str = ""
