"""The bearer token that callers must show, read from a file again when that changes, so that it can be renewed."""

import hmac
from pathlib import Path

from mlagent.serving.faults import CannotServe, Refused

_CHALLENGE = {"www-authenticate": "Bearer"}


class Token:
    """Who knows the file's first line may ask."""

    def __init__(self, path: Path) -> None:
        """Read it; CannotServe when there is none."""
        self._path, self._stamp = path, (0, 0)
        self._wanted = b""
        try:
            self.renew()
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise CannotServe(
                f"--token-file {path} cannot be used: {said}\n"
                "its first line is the token that callers must send: is it mounted, and may this user read it?"
            ) from error

    def renew(self) -> None:
        """Read it again, if it has changed; OSError or ValueError, and the old one stays, when it cannot be used."""
        found = self._path.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp == self._stamp:
            return
        token = self._path.read_bytes().partition(b"\n")[0].strip()
        if not token:
            message = "its first line is empty"
            raise ValueError(message)
        self._wanted, self._stamp = b"bearer " + token, stamp

    def check(self, headers: dict[bytes, bytes]) -> None:
        """Refused (401) for who does not show it."""
        kind, _, shown = headers.get(b"authorization", b"").partition(b" ")
        if not hmac.compare_digest(kind.lower() + b" " + shown.strip(), self._wanted):
            raise Refused(401, "this server wants a bearer token: send 'Authorization: Bearer …'", _CHALLENGE)
