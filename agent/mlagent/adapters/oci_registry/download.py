"""Pieces come into a file, verified; one that was cut off goes on where it stopped, in this process or the next."""

import hashlib
from pathlib import Path

from mlagent.adapters.oci_registry.auth import Scope
from mlagent.adapters.oci_registry.link import Link
from mlagent.adapters.oci_registry.refusals import Away, damaged
from mlagent.adapters.stores import disk
from mlagent.adapters.stores.partial import Partial, partial
from mlagent.core import interrupt
from mlagent.core.digest import ALGORITHM, Digest
from mlagent.core.ports.images import Progress

BLOCK = 1 << 20


def fetch(link: Link, path: str, scope: Scope, digest: Digest, size: int, to: Path, progress: Progress) -> None:
    """Write a piece of the repository `path` into the file, whole or not at all.

    InputError (4) when it is not what the digest says, InfrastructureError (20) when the disk is full.
    """
    target = f"/v2/{path}/blobs/{digest}"
    with disk.guarded(to), partial(to.with_name(f".{to.name}.part"), resumable=True) as file:
        before = file.size()
        found = _filled(link, target, scope, size, file, progress)
        if found != digest and before:  # what was there may be of something else
            file.empty()
            found = _filled(link, target, scope, size, file, progress)
        if found != digest:
            raise damaged(link.place, path, digest, found)
        file.become(to)


def _filled(link: Link, target: str, scope: Scope, size: int, file: Partial, progress: Progress) -> Digest:
    patience = link.patience()
    sha = hashlib.sha256()
    done = file.digest_into(sha)
    while done < size:
        before = done
        try:
            with link.stream(target, scope, {"Range": f"bytes={done}-"} if done else {}) as answer:
                if answer.status == 200 and done:  # it does not know ranges
                    file.empty()
                    sha, done = hashlib.sha256(), 0
                while done <= size and (data := answer.read(BLOCK)):
                    interrupt.check()
                    file.write(data)
                    sha.update(data)
                    done += len(data)
                    progress(min(done, size), size)
        except Away as away:
            if done > before:
                patience.renew()
            patience.after(away)
        else:
            break
    return f"{ALGORITHM}:{sha.hexdigest()}"
