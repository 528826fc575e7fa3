"""Objects as YAML: what `kubectl apply` and GitOps read; the same objects are always the same text."""

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlagent.core.ports.cluster import Object

if TYPE_CHECKING:
    from ruamel.yaml import YAML

WIDEST = 100_000  # never fold a line
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def to_yaml(objects: Iterable[Object]) -> str:
    """Give one document an object, in their order; keys as they were rendered."""
    yaml, text = _writer(), io.StringIO()
    for one in objects:
        text.write("---\n")
        yaml.dump(one, text)
    return text.getvalue()


def _writer() -> "YAML":
    """Quote whatever a reader of YAML 1.1 might take for something else than text: kubectl is one."""
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        """Of one writer: ruamel keeps what it was told in the class."""

    def said(representer: Any, text: str) -> Any:  # noqa: ANN401 - ruamel's own
        plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
        return representer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')

    Representer.add_representer(str, said)
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.default_flow_style, yaml.width = False, WIDEST
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.representer.ignore_aliases = lambda _: True
    return yaml
