"""Large blobs cross the network in parts, several at a time, and go on where they were cut off."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from mlagent.adapters.stores.partial import Partial
from mlagent.core.digest import ALGORITHM, Digest
from mlagent.errors import InfrastructureError

PART = 8 << 20
PARALLEL = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Work on up to PARALLEL + 1 items at a time, in threads; the results come in the order of the items."""
    pending: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="store") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) > PARALLEL:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for one in pending:
                one.cancel()


def fetch(read: Callable[[int, int], bytes], size: int, into: Partial) -> Digest:
    """Write bytes 0 to `size` behind those already there; the digest is that of the whole.

    `read(start, end)` gives one part and is called from several threads. Parts are written in order, so that after any
    interruption what is there is a beginning of the whole.
    """

    def part(start: int) -> bytes:
        end = min(start + PART, size)
        data = read(start, end)
        if len(data) != end - start:
            raise InfrastructureError(
                f"the store sent {len(data)} bytes where {end - start} were asked for",
                hint="was the connection cut? the same command goes on where it stopped",
            )
        return data

    sha = hashlib.sha256()
    for data in in_order(part, range(into.digest_into(sha), size, PART)):
        into.write(data)
        sha.update(data)
    return f"{ALGORITHM}:{sha.hexdigest()}"
