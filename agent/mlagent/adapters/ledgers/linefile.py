"""A file of lines that only grows: appended whole and flushed, a part that a killed writer left is set aside."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mlagent.adapters.stores import disk

BLOCK = 1 << 20


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
                *lines, rest = (rest + block).split(b"\n")
                yield lines
        if rest and self._whole(rest):
            yield [rest]

    def backwards(self, needles: tuple[bytes, ...] = (), end: int | None = None) -> Iterator[bytes]:
        """The lines that hold all needles, the last first; of those that begin before the offset `end`."""
        with _reading(self.path) as file:
            for lines in self._lines_backwards(file, _size(file) if end is None else end):
                yield from _lines_with(lines, needles)

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

    def _lines_backwards(self, file: int, end: int) -> Iterator[bytes]:
        """Pieces of whole lines, the last first."""
        piece = b""
        while end > 0:
            start = max(0, end - BLOCK)
            piece = _at(file, start, end - start) + piece
            cut = piece.find(b"\n") + 1 if start else 0
            if cut or not start:
                yield self._without_a_part(piece[cut:])
                piece = piece[:cut]
            end = start

    def _without_a_part(self, piece: bytes) -> bytes:
        cut = piece.rfind(b"\n") + 1
        return piece if cut == len(piece) or self._whole(piece[cut:]) else piece[:cut]

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


def _line_around(file: int, offset: int, low: int) -> tuple[int, int]:
    """Where the line begins that has this offset in it or its end there, not before `low`, and where it ends."""
    step = 4096
    while True:
        start = max(low, offset - step)
        if (cut := _at(file, start, offset - start).rfind(b"\n")) >= 0 or start == low:
            break
        step *= 4
    start += cut + 1
    step = 4096
    while True:
        ahead = _at(file, offset, step)
        if (cut := ahead.find(b"\n")) >= 0 or len(ahead) < step:
            end = offset + (cut if cut >= 0 else len(ahead))
            return start, end
        step *= 4


def _lines_with(lines: bytes, needles: tuple[bytes, ...]) -> Iterator[bytes]:
    """Those that hold all needles, the last first: looked for backwards, so that lines without are not split off."""
    if not needles:
        yield from reversed(lines.removesuffix(b"\n").split(b"\n") if lines else [])
        return
    end = len(lines)
    while (place := min(lines.rfind(needle, 0, end) for needle in needles)) >= 0:
        start, stop = lines.rfind(b"\n", 0, place) + 1, lines.find(b"\n", place)
        line = lines[start : stop if stop >= 0 else end]
        if all(needle in line for needle in needles):
            yield line
            end = start
        else:
            end = start + len(line)
