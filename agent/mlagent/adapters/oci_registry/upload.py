"""Pieces go up: small ones at once, large ones in chunks; after a cut the registry is asked where it stands."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urljoin

from mlagent.adapters.oci_registry.auth import Scope
from mlagent.adapters.oci_registry.link import Link
from mlagent.adapters.oci_registry.refusals import Away, Damaged, No, by_status
from mlagent.adapters.oci_registry.wire import Body, Reply
from mlagent.core.digest import Digest
from mlagent.core.ports.images import Progress
from mlagent.errors import InfrastructureError

CHUNK = 8 << 20
SMALLEST = 512 << 10  # a proxy that takes less than this is set up wrong
STARTS = 4
FINISH_SECONDS = 300.0  # for an answer to the end: some registries copy or digest everything first
REFUSED = {400, 405, 411, 415, 501}
OCTETS = {"Content-Type": "application/octet-stream"}


class _Gone(Exception):
    """The registry has lost the upload: it is begun anew."""


class _NoChunks(Exception):
    """The registry takes a piece only as a whole."""


class _TooLarge(Exception):
    """It, or a proxy before it, takes no body of this size."""


class Upload:
    """One piece on its way."""

    def __init__(self, link: Link, uploads: str, scope: Scope, digest: Digest, file: Path, progress: Progress) -> None:
        """`uploads` is the path where uploads begin. Nothing is sent yet."""
        self._link, self._uploads, self._scope = link, uploads, scope
        self._digest, self._file, self._progress = digest, file, progress
        self._size = file.stat().st_size
        self._chunk, self._chunked, self._moved = CHUNK, True, 0
        self._patience = link.patience()
        self._at, self._done, self._most = "", 0, 0
        self._misplaced = False  # it wanted another part than it was sent, and nothing arrived since

    def run(self, begun: str, there: Callable[[], bool]) -> int:
        """Send it to an upload that has begun (or begin one); how many bytes were moved, those sent in vain too.

        `there` tells whether the piece is there, for when the last answer was lost.
        """
        for _ in range(STARTS):
            self._at, self._done, self._misplaced = begun or self._begin(), 0, False
            begun = ""
            try:
                self._send(there)
            except _NoChunks:
                self._chunked = False
            except _TooLarge as error:
                self._chunk //= 8
                if self._chunk < SMALLEST or not self._chunked:
                    raise by_status(self._link.place, No("the upload of a piece", 413)) from error
            except _Gone:
                continue
            else:
                return self._moved
        raise InfrastructureError(
            f"{self._link.place.host} lost the upload of {self._digest} {STARTS} times",
            hint="does it run several times behind a balancer without shared storage and one http.secret?",
        )

    def _begin(self) -> str:
        answer = self._link.patiently(lambda: self._link.ask("POST", self._uploads, self._scope, (202,), body=b""))
        least = answer.headers.get("OCI-Chunk-Min-Length", "")
        self._chunk = max(self._chunk, int(least) if least.isdigit() else 0)
        return location(self._link, self._uploads, answer)

    def _send(self, there: Callable[[], bool]) -> None:
        if self._size <= self._chunk or not self._chunked:
            self._whole(there)
            return
        with self._file.open("rb") as file:
            while self._done < self._size:
                file.seek(self._done)
                self._piece(file.read(self._chunk))
        self._finish(there)

    def _whole(self, there: Callable[[], bool]) -> None:
        with self._file.open("rb") as file:
            headers = {**OCTETS, "Content-Length": str(self._size)}
            self._end(file, headers, there)
        self._moved += self._size
        self._progress(self._size, self._size)

    def _piece(self, data: bytes) -> None:
        headers = {**OCTETS, "Content-Range": f"{self._done}-{self._done + len(data) - 1}"}
        fine = (201, 202, 204, 404, 413, 416, *REFUSED)
        try:
            answer = self._link.ask("PATCH", self._at, self._scope, fine, headers=headers, body=data)
        except Away as away:
            self._patience.after(away)
            self._where()
            return
        if answer.status in REFUSED:
            raise _NoChunks
        if answer.status == 416 and not self._misplaced:
            self._misplaced = True
            self._where()
            return
        _raise_if_lost(answer)
        self._stands(answer, self._done + len(data))

    def _where(self) -> None:
        """Ask how much of it has arrived; where the upload was begun is another place after each answer."""
        answer = self._link.patiently(lambda: self._link.ask("GET", self._at, self._scope, (200, 202, 204, 400, 404)))
        if answer.status in (400, 404):
            raise _Gone
        self._stands(answer, 0)

    def _stands(self, answer: Reply, otherwise: int) -> None:
        self._at = location(self._link, self._at, answer)
        found = re.fullmatch(r"(?:bytes=)?0-(\d+)", answer.headers.get("Range", ""))
        done = otherwise if found is None else int(found[1]) + 1 if int(found[1]) else 0  # `0-0` is none, mostly
        if not self._done <= done <= self._size:
            raise _Gone
        self._moved += done - self._done
        self._done = done
        if done > self._most:
            self._most, self._misplaced = done, False
            self._patience.renew()
            self._progress(done, self._size)

    def _finish(self, there: Callable[[], bool]) -> None:
        self._end(b"", {"Content-Length": "0"}, there)

    def _end(self, body: Body, headers: dict[str, str], there: Callable[[], bool]) -> None:
        """Name the digest under which it is to be kept; where the answer was lost, look whether it is."""
        target = f"{self._at}{'&' if '?' in self._at else '?'}digest={quote(self._digest, safe='')}"
        fine = (201, 202, 204, 400, 404, 413, 416)
        try:
            answer = self._link.ask(
                "PUT", target, self._scope, fine, headers=headers, body=body, seconds=FINISH_SECONDS
            )
        except Away as away:
            self._patience.after(away)
            if self._link.patiently(there):
                return
            raise _Gone from away
        if answer.status == 400:
            raise self._refused(answer)
        _raise_if_lost(answer)

    def _refused(self, answer: Reply) -> Exception:
        if b"DIGEST_INVALID" not in answer.data:
            return by_status(self._link.place, No("the end of an upload", answer.status, answer.data))
        return Damaged(
            f"{self._link.place.host} says that what arrived is not {self._digest}",
            hint="something on the way, or the disk here, changed it: give the same command again",
        )


def location(link: Link, before: str, answer: Reply) -> str:
    """Where an upload goes on."""
    return urljoin(link.url(before), answer.headers.get("Location", "") or before)


def _raise_if_lost(answer: Reply) -> None:
    if answer.status == 413:
        raise _TooLarge
    if answer.status in (404, 416):
        raise _Gone
