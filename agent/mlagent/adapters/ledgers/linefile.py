"""A file of lines that only grows: appended whole and flushed, a part that a killed writer left is set aside."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlagent.adapters.stores import disk

BLOCK, SHORT = 1 << 18, 1 << 12  # bytes that are read at once; in which the end of a line is looked for


class LineFile:
    """Who appends holds a lock of its own; who reads needs none, as what is there never changes.

    A last line without an end counts where `whole` says so: an editor may have taken the end away.
    """

    def __init__(self, path: Path, whole: Callable[[bytes], bool], notice: Callable[[str], None]) -> None:
        """Nothing is made or looked at before it is needed; `notice` is told what was set aside."""
        self.path, self._whole, self._notice = path, whole, notice

    def append(self, line: bytes) -> None:
        """Add a line and flush it; what was begun is taken back where the disk refuses the rest."""
        disk.make_folder(self.path.parent)
        new = not self.path.exists()
        with _opened(self.path, os.O_RDWR | os.O_CREAT) as file:
            end = self._mended(file)
            os.lseek(file, end, os.SEEK_SET)
            try:
                disk.write_all(file, line + b"\n")
                os.fsync(file)
            except OSError:
                os.ftruncate(file, end)
                raise
        if new:
            disk.flush_folder(self.path.parent)

    def blocks(self, start: int = 0) -> Iterator[list[bytes]]:
        """The lines from an offset on, as many at once as a block holds."""
        rest = b""
        with _reading(self.path) as file:
            while block := _at(file, start, BLOCK):
                start += len(block)
                lines = block.split(b"\n")
                lines[0] = rest + lines[0]
                rest = lines.pop()
                yield lines
        if rest and self._whole(rest):
            yield [rest]

    def backwards(self, needles: tuple[bytes, ...] = (), end: int | None = None) -> Iterator[bytes]:
        """The lines that hold all needles, the last first; of those that begin before the offset `end`."""
        with _reading(self.path) as file:
            whole = self._whole_end(file)
            for block, begin in _blocks_backwards(file, whole if end is None else min(end, whole)):
                yield from _lines_with(block, begin, needles)

    def first(self, such: Callable[[bytes], bool]) -> int:
        """The offset of the first line that is `such`, if all after it are, too; the file's size where there is none.

        Found in a few steps, not by reading all.
        """
        with _reading(self.path) as file:
            low, high = 0, _size(file)
            while low < high:
                start, end = _line_around(file, (low + high) // 2, low)
                if such(_at(file, start, end - start)):
                    high = start
                else:
                    low = end + 1
        return low

    def _whole_end(self, file: int) -> int:
        """Where the last line ends; what a killed writer left of one is none."""
        size = _size(file)
        start = _line_around(file, size, 0)[0]
        return size if start == size or self._whole(_at(file, start, size - start)) else start

    def _mended(self, file: int) -> int:
        """Where the next line begins; a part of one is moved away first."""
        size = _size(file)
        start = _line_around(file, size, 0)[0]
        part = _at(file, start, size - start)
        if not part:
            return size
        if self._whole(part):
            os.lseek(file, size, os.SEEK_SET)
            disk.write_all(file, b"\n")
            return size + 1
        self._set_aside(part)
        os.ftruncate(file, start)
        return start

    def _set_aside(self, part: bytes) -> None:
        aside = self.path.with_name(f"{self.path.name}.torn")
        with _opened(aside, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
            disk.write_all(file, part + b"\n")
            os.fsync(file)
        self._notice(
            f"the last line of {self.path} was not whole, as its writer was killed or the power failed: "
            f"it was moved into {aside}, and nothing that anybody was told is in the ledger was lost"
        )


@contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    file = os.open(path, how | os.O_CLOEXEC, 0o666)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def _reading(path: Path) -> Iterator[int]:
    """An empty file where there is none yet."""
    with _opened(path if path.exists() else Path(os.devnull), os.O_RDONLY) as file:
        yield file


def _size(file: int) -> int:
    return os.fstat(file).st_size


def _at(file: int, start: int, count: int) -> bytes:
    return os.pread(file, count, start)


def _blocks_backwards(file: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Blocks that end with a line, the last first, each with where its first whole line begins."""
    size = BLOCK
    while end > 0:
        start = max(0, end - size)
        block = _at(file, start, end - start)
        begin = block.find(b"\n", 0, -1) + 1 if start else 0
        if start and not begin:  # a line longer than that
            size *= 4
            continue
        yield block, begin
        end, size = start + begin, BLOCK


def _line_around(file: int, offset: int, low: int) -> tuple[int, int]:
    """Where the line begins that has this offset in it or its end there, not before `low`, and where it ends."""
    step = SHORT
    while (cut := _at(file, max(low, offset - step), min(step, offset - low)).rfind(b"\n")) < 0 and offset - step > low:
        step *= 4
    start, step = max(low, offset - step) + cut + 1, SHORT
    while (cut := (ahead := _at(file, offset, step)).find(b"\n")) < 0 and len(ahead) == step:
        step *= 4
    return start, offset + (cut if cut >= 0 else len(ahead))


def _lines_with(block: bytes, begin: int, needles: tuple[bytes, ...]) -> Iterator[bytes]:
    """Those that hold all needles, the last first: looked for backwards, so that lines without are not split off."""
    if not needles:
        yield from reversed(block[begin:].removesuffix(b"\n").split(b"\n"))
        return
    end = len(block)
    while (place := min(block.rfind(needle, begin, end) for needle in needles)) >= 0:
        start, stop = block.rfind(b"\n", begin, place) + 1, block.find(b"\n", place)
        line = block[max(start, begin) : stop if stop >= 0 else end]
        if all(needle in line for needle in needles):
            yield line
            end = max(start, begin)
        else:
            end = stop if stop >= 0 else end
