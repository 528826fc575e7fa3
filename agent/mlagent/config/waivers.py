"""The platform's file of waivers: which check of which project somebody answers for, until when.

waivers:
  - project: risk
    check: demographic_parity_difference of Gender
    owner: jane.doe@insurer.example
    reason: tariff filed under case 4711
    expires: 2026-12-31
"""

from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from mlagent.config.fields import nearest
from mlagent.config.yaml_file import Document, read
from mlagent.core.verdict import Check, Waiver
from mlagent.errors import ConfigError

Words = Annotated[str, Meta(min_length=1)]


class Waived(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry: `check` as it is called in the verdict, `expires` the last day (UTC) on which it holds."""

    project: Words
    check: Words
    owner: Words
    reason: Words
    expires: date


def load(path: Path) -> list[Waived]:
    """Read the file; ConfigError (3) names its line and key."""
    document = read(path)
    entries = document.values.get("waivers", [])
    unknown = sorted(document.values.keys() - {"waivers"})
    if unknown or not isinstance(entries, list):
        key = unknown[0] if unknown else "waivers"
        raise ConfigError(
            f"{document.where(key)}: a file of waivers holds one list, `waivers:`{nearest(key, ['waivers'])}",
            hint="each entry has project, check, owner, reason and expires",
        )
    return [_entry(one, document, index) for index, one in enumerate(entries)]


def _entry(value: object, document: Document, index: int) -> Waived:
    plain = {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else value
    try:
        return msgspec.convert(plain, Waived, strict=False)
    except msgspec.ValidationError as error:
        first = next(iter(plain), "") if isinstance(plain, dict) else ""
        raise ConfigError(
            f"{document.where('waivers', str(index), first)}: waiver {index + 1}: {error}",
            hint="it needs project, check, owner, reason and expires (a day, such as 2026-12-31)",
        ) from error


def applied(check: Check, entries: list[Waived], project: str, today: date) -> Check:
    """The check as a waiver leaves it: waived, if it did not pass; one past its day is named and changes nothing."""
    mine = [one for one in entries if one.project == project and one.check == check.metric]
    if check.outcome not in ("fail", "inconclusive") or not mine:
        return check
    newest = max(mine, key=lambda one: one.expires)
    if newest.expires < today:
        past = f"{check.reason}; {newest.owner}'s waiver held until {newest.expires}"
        return msgspec.structs.replace(check, reason=past)
    waiver = Waiver(owner=newest.owner, reason=newest.reason, expires=newest.expires)
    told = f"{check.reason}; waived by {newest.owner} until {newest.expires}: {newest.reason}"
    return msgspec.structs.replace(check, outcome="waived", waiver=waiver, reason=told)
