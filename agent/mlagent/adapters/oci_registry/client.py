"""The ImageRegistry port over HTTP."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin

import msgspec

from mlagent.adapters.oci_registry import download, referrers
from mlagent.adapters.oci_registry.auth import Scope
from mlagent.adapters.oci_registry.link import Link
from mlagent.adapters.oci_registry.refusals import NotAllowed, damaged, strange
from mlagent.adapters.oci_registry.upload import Upload, location
from mlagent.adapters.oci_registry.wire import Reply
from mlagent.core import oci
from mlagent.core.digest import ALGORITHM, Digest, of_bytes
from mlagent.core.oci import Descriptor
from mlagent.core.ports.images import Content, Progress, Sent
from mlagent.errors import ConfigError, InfrastructureError, InputError, MlagentError, PolicyRefused

ACCEPT = f"{oci.MANIFEST}, {oci.INDEX}, {oci.DOCKER_MANIFEST}, {oci.DOCKER_INDEX}"
LENDERS = 4  # repositories that are asked for a piece before it is sent
PAGES = 1000


class RegistryClient:
    """A context: leaving it closes the connections."""

    def __init__(self, link: Link) -> None:
        """Reach nothing yet."""
        self._link = link

    def __enter__(self) -> Self:
        """Nothing is opened before the first question."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close its connections."""
        self._link.close()

    def manifest(self, path: str, reference: str) -> Content | None:
        """Its bytes, held against the digest that was asked for, or that the registry gives for a tag."""
        target, headers = f"/v2/{path}/manifests/{reference}", {"Accept": ACCEPT}
        answer = self._ask("GET", target, pulling(path), (200, 404), headers=headers)
        if answer.status == 404:
            return None
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if "json" not in kind:  # a page to log in, say
            raise strange(self._link.place, f"a manifest of the type {kind or 'unknown'}")
        asked = reference if ":" in reference else answer.headers.get("Docker-Content-Digest", "")
        found = of_bytes(answer.data)
        if asked.startswith(ALGORITHM) and asked != found:
            raise damaged(self._link.place, path, asked, found)
        return Content(answer.data, kind)

    def put_manifest(self, path: str, data: bytes, media_type: str, tag: str | None = None) -> Digest:
        """Under its digest, or the tag; to do it twice is to do it once."""
        self._put(path, data, media_type, tag)
        return of_bytes(data)

    def size(self, path: str, digest: Digest) -> int | None:
        """HEAD of the piece."""
        return self._size(path, digest, pulling(path))

    def pull(self, path: str, digest: Digest, size: int, to: Path, progress: Progress | None = None) -> None:
        """In one stream, which goes on where it was cut; redirects of a blob to where it is kept are followed."""
        download.fetch(self._link, path, pulling(path), digest, size, to, progress or _nobody)

    def push(
        self,
        path: str,
        digest: Digest,
        file: Callable[[], Path],
        mount_from: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> Sent:
        """Look, then borrow, then send."""
        scope = pushing(path)
        if self._size(path, digest, scope) is not None:
            return Sent(0, "there")
        begun = ""
        for lender in [one for one in dict.fromkeys(mount_from) if one != path][:LENDERS]:
            mounted, other = self._mounted(path, digest, lender)
            if mounted:
                self._cancel(begun, scope)
                return Sent(0, "mounted")
            self._cancel(begun if other else "", scope)
            begun = other or begun
        upload = Upload(self._link, f"/v2/{path}/blobs/uploads/", scope, digest, file(), progress or _nobody)
        return Sent(upload.run(begun, lambda: self._size(path, digest, scope) is not None), "uploaded")

    def tags(self, path: str) -> Sequence[str]:
        """Page by page."""
        found = set[str]()
        for answer in self._pages(f"/v2/{path}/tags/list", path, (200, 404)):
            found.update(self._tags(answer) if answer.status == 200 else ())
        return sorted(found)

    def delete(self, path: str, reference: str) -> None:
        """The manifest, and with it every tag of it."""
        scope = frozenset({f"repository:{path}:delete,pull"})
        self._ask("DELETE", f"/v2/{path}/manifests/{reference}", scope, (200, 202, 204, 404))

    def refer(self, path: str, data: bytes) -> Digest:
        """By the registry's own list where it keeps one, else by an index under a tag of the subject's digest."""
        digest, subject = of_bytes(data), referrers.subject(data)
        if self._lists(path, subject, digest):
            return digest
        if referrers.SUBJECT in self._put(path, data, oci.MANIFEST).headers:
            return digest
        for _ in range(referrers.TRIES):
            there = self.manifest(path, referrers.tag(subject))
            self._put(path, referrers.joined(there and there.data, data), oci.INDEX, referrers.tag(subject))
            if self._lists(path, subject, digest):
                return digest
        raise InfrastructureError(
            f"{self._link.place.host} took {digest}, and others wrote its list of referrers each time",
            hint="the same command tries again",
        )

    def referrers(self, path: str, subject: Digest, kind: str = "") -> Sequence[Descriptor]:
        """Page by page, from the registry's own list or the tag's."""
        found = [one for data in self._indexes(path, subject) for one in referrers.listed(data)]
        return [one for one in found if kind in ("", one.artifact_type)]

    def takes_anything(self, path: str) -> bool:
        """Whether an upload may begin by who this is; the one that begins is cancelled. False for a no."""
        target, scope = f"/v2/{path}/blobs/uploads/", pushing(path)
        try:
            answer = self._ask("POST", target, scope, (201, 202), body=b"")
        except (NotAllowed, PolicyRefused):
            return False
        self._cancel(location(self._link, target, answer), scope)
        return True

    def _put(self, path: str, data: bytes, media_type: str, tag: str | None = None) -> Reply:
        digest = of_bytes(data)
        target, headers = f"/v2/{path}/manifests/{tag or digest}", {"Content-Type": media_type}
        answer = self._ask("PUT", target, pushing(path), (200, 201, 202), headers=headers, body=data)
        said = answer.headers.get("Docker-Content-Digest", digest)
        if said != digest:
            raise damaged(self._link.place, path, digest, said)
        return answer

    def _lists(self, path: str, subject: Digest, digest: Digest) -> bool:
        return any(one.digest == digest for one in self.referrers(path, subject))

    def _indexes(self, path: str, subject: Digest) -> Iterator[bytes]:
        """Of the registry's own list; where it keeps none, that of the tag."""
        target = f"/v2/{path}/referrers/{subject}"
        for answer in self._pages(target, path, (200, *referrers.LACKING), headers={"Accept": oci.INDEX}):
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            if answer.status != 200 or kind != oci.INDEX:  # some send a page for people
                there = self.manifest(path, referrers.tag(subject))
                yield from (there.data,) if there else ()
                return
            yield answer.data

    def _pages(self, target: str, path: str, fine: Sequence[int], **how: object) -> Iterator[Reply]:
        """Answers, each of which names where the list goes on."""
        for _ in range(PAGES):
            answer = self._ask("GET", target, pulling(path), fine, **how)
            yield answer
            following = re.search(r'<([^>]+)>\s*;[^,]*rel="?next', answer.headers.get("Link", ""))
            if following is None:
                return
            target = urljoin(self._link.url(target), following[1])

    def _tags(self, answer: Reply) -> list[str]:
        try:
            return msgspec.json.decode(answer.data, type=dict[str, str | list[str] | None])["tags"] or []  # type: ignore[return-value]
        except (msgspec.DecodeError, LookupError):
            raise strange(self._link.place, "a list of tags that is no JSON") from None

    def _size(self, path: str, digest: Digest, scope: Scope) -> int | None:
        answer = self._ask("HEAD", f"/v2/{path}/blobs/{digest}", scope, (200, 404))
        return int(answer.headers.get("Content-Length", "0")) if answer.status == 200 else None

    def _mounted(self, path: str, digest: Digest, lender: str) -> tuple[bool, str]:
        """Whether the piece was borrowed from another repository; where not, an upload may have begun."""
        target = f"/v2/{path}/blobs/uploads/"
        query = f"?mount={quote(digest, safe='')}&from={quote(lender, safe='')}"
        with suppress(ConfigError, PolicyRefused, InputError):  # it may not lend it, or knows no mounts
            answer = self._ask("POST", target + query, pushing(path) | pulling(lender), (201, 202), body=b"")
            return answer.status == 201, location(self._link, target, answer)
        return False, ""

    def _cancel(self, at: str, scope: Scope) -> None:
        if at:
            with suppress(MlagentError):  # the registry forgets it by itself in time
                self._link.ask("DELETE", at, scope, (200, 202, 204, 404))

    def _ask(self, method: str, target: str, scope: Scope, fine: Sequence[int], **how: object) -> Reply:
        return self._link.patiently(lambda: self._link.ask(method, target, scope, fine, **how))  # type: ignore[arg-type]


def pulling(path: str) -> Scope:
    """To read in a repository."""
    return frozenset({f"repository:{path}:pull"})


def pushing(path: str) -> Scope:
    """To write in it too."""
    return frozenset({f"repository:{path}:pull,push"})


def _nobody(_done: int, _of: int) -> None:
    """Nobody wants to know."""
