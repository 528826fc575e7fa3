"""JSON Schemas of what others read and write: the attestation of verdicts, and the platform's policy.yaml."""

from typing import Any

import msgspec

from mlagent.render.schema import DRAFT, laid_out
from mlagent.trust import verdicts
from mlagent.trust.policy import SUBJECTS, Approvals, Asked, Identity, Required

WORDS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
NAMES = {"type": "array", "items": {"type": "string"}}


def verdicts_text() -> str:
    """Of the predicate `urn:mlagent:verdicts:v1`; fields that it does not know may follow."""
    (_,), parts = msgspec.json.schema_components([verdicts.Verdicts], ref_template="#/$defs/{name}")
    top = parts.pop("Verdicts")
    whole = {
        "$schema": DRAFT,
        "$id": verdicts.TYPE,
        "title": verdicts.TYPE,
        **top,
        "$defs": dict(sorted(parts.items())),
    }
    return laid_out(whole)


def policy_text() -> str:
    """Of policy.yaml; that an environment is not laxer is checked by `mlagent policy check` alone."""
    (asked, identity, required, approvals), parts = msgspec.json.schema_components(
        [Asked, Identity, Required, Approvals], ref_template="#/$defs/{name}"
    )
    key = {"oneOf": [_closed({one: {"type": "string"}}, required=[one]) for one in ("file", "pem")]}
    both = {
        "repositories": WORDS,
        "builders": WORDS,
        "verdicts": _closed(dict.fromkeys(SUBJECTS, asked)),
        "require": required,
        "transparency_log": {"type": "boolean"},
    }
    inherits = {name: one for name, one in parts["Approvals"].items() if name not in ("required", "title")}
    environment = _closed({"keys": NAMES, "identities": NAMES, **both, "approvals": inherits})
    top = {
        "keys": {"type": "object", "additionalProperties": key},
        "identities": {"type": "object", "additionalProperties": identity},
        **both,
        "approvals": approvals,
        "authors": {"type": "object", "additionalProperties": {"type": "array", "items": WORDS["items"]}},
        "environments": {"type": "object", "additionalProperties": environment},
    }
    return laid_out({"$schema": DRAFT, "title": "policy.yaml", **_closed(top), "$defs": dict(sorted(parts.items()))})


def _closed(properties: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}
