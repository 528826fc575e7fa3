"""What a process holds is moved to large pages where the kernel can, and stays what it was."""

import mmap
import platform
import re
from pathlib import Path

from mlagent.serving import pages

SIZE = 16 << 20
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def kernel() -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    assert found
    return tuple(int(one) for one in found.groups())


def test_what_is_held_is_moved_and_is_what_it_was() -> None:
    with mmap.mmap(-1, SIZE, flags=PRIVATE) as held:
        held.madvise(mmap.MADV_NOHUGEPAGE)
        held.write(bytes(range(256)) * (SIZE // 256))
        held.madvise(mmap.MADV_HUGEPAGE)
        moved = pages.enlarge()
        assert held[:] == bytes(range(256)) * (SIZE // 256)
    assert (moved >= SIZE // 2) == (kernel() >= (6, 1))
    assert moved % pages.LARGE == 0


def test_memory_that_is_hardly_used_is_left_as_it_is() -> None:
    with mmap.mmap(-1, 64 << 20, flags=PRIVATE) as held:
        held.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(0, 64 << 20, pages.LARGE):
            held[page] = 1
        held.madvise(mmap.MADV_HUGEPAGE)
        before = resident()
        pages.enlarge()
        assert resident() - before < 16 << 20


def resident() -> int:
    """Bytes in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE
