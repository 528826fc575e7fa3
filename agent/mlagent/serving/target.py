"""The target of a request as the path that routes are found by."""

import re
from urllib.parse import unquote, urlsplit

_PLAIN = re.compile(rb"/[A-Za-z0-9._~/-]*")


def path_of(target: bytes) -> str:
    """The path, decoded, without query; of a target that is none (`*`, a host) the target itself."""
    if _PLAIN.fullmatch(target):
        return target.decode()
    text = target.decode("latin-1")
    try:
        path = urlsplit(text).path if "://" in text else text.partition("#")[0].partition("?")[0]
    except ValueError:
        return text
    return unquote(path, errors="replace") or "/"
