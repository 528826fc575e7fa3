"""The JSON Schema of `mlpipeline.yaml`, by which editors complete and check it."""

from typing import Any

import msgspec

from mlagent import catalog
from mlagent.config.secret import REFERENCE, Secret

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the whole file; unknown keys are refused, as mlagent refuses them."""
    whole = msgspec.defstruct(
        "mlpipeline",
        [(name.replace("-", "_"), struct, msgspec.UNSET) for name, struct in catalog.SECTIONS.items()],
        rename={name.replace("-", "_"): name for name in catalog.SECTIONS},
        kw_only=True,
        forbid_unknown_fields=True,
    )
    (_,), parts = msgspec.json.schema_components([whole], schema_hook=_hook, ref_template="#/$defs/{name}")
    top = parts.pop("mlpipeline")
    for name in catalog.SECTIONS:
        top["properties"][name].pop("default", None)
    required = [name for name, struct in catalog.SECTIONS.items() if _required(struct)]
    return {
        "$schema": DRAFT,
        "title": "mlpipeline.yaml",
        **top,
        "required": required,
        "$defs": dict(sorted(parts.items())),
    }


def schema_text() -> str:
    """The schema as the file that is kept in the repository and in every project."""
    return laid_out(schema())


def laid_out(whole: dict[str, Any]) -> str:
    """A schema as a file's text."""
    return msgspec.json.format(msgspec.json.encode(whole, order="deterministic"), indent=2).decode() + "\n"


def _required(struct: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(struct))


def _hook(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "pattern": f"^({REFERENCE.pattern})$"}
    raise NotImplementedError(kind)
