"""Opens a CSV or Parquet file lazily; what is wrong with the file as a whole is said with its line where it has one."""

import codecs
import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import polars as pl

from mlagent.core.context import DataFile
from mlagent.errors import InputError

CHUNK = 4 << 20
LOOKED_AT = 10_000
BATCH_ROWS = 250_000
_WRITE_ANEW = "the file may be cut off or of another format; write it anew"


class Opened:
    """A file whose columns are known, to be read in batches; a CSV's values are all text."""

    def __init__(
        self, file: DataFile, lazy: pl.LazyFrame, schema: Mapping[str, pl.DataType], lines: int | None = None
    ) -> None:
        """Nothing but its columns has been read; of a CSV its `lines` were counted."""
        self.file, self.schema, self._lazy, self._lines = file, schema, lazy, lines

    def rows(self) -> int:
        """How many there are; of a CSV about so many, where a text goes over several lines."""
        if self._lines is not None:
            return max(0, self._lines - 1)
        with _readable(self.file):
            return int(self._lazy.select(pl.len()).collect().item())

    def passes(self, mask: pl.Expr) -> bool:
        """Whether no row is known to be true of a mask, where that costs less than to ask every row.

        Parquet keeps texts that repeat themselves once, and polars asks those once if one column alone is filtered.
        """
        names = mask.meta.root_names()
        if len(set(names)) != 1 or not self._repeated.issuperset(names):
            return False
        with _readable(self.file):
            lazy = pl.scan_parquet(self.file.path, parallel="prefiltered").filter(mask).select(names[0])
            return not lazy.head(1).collect(engine="streaming").height

    @cached_property
    def _repeated(self) -> frozenset[str]:
        """Columns of a Parquet file whose texts repeat themselves."""
        if self._lines is not None:
            return frozenset()
        with _readable(self.file):
            head = self._lazy.select(pl.col(pl.String)).head(LOOKED_AT).collect()
        return frozenset(one.name for one in head.get_columns() if one.n_unique() <= len(one) // 2)

    def whole(self) -> None:
        """Read all of it once; InputError (4) for rows that reading single columns would pass over."""
        for _ in self.batches(BATCH_ROWS):
            pass

    def batches(self, rows: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """All rows in order, about so many at once; InputError (4) when they cannot be read to their end."""
        lazy = self._lazy if columns is None else self._lazy.select(columns)
        with _readable(self.file):
            if Path(self.file.name).suffix.lower() == ".parquet":
                yield from _slices(lazy, rows)
            else:
                yield from lazy.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming")


def _slices(lazy: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    """One slice after the other, and one read ahead: the streaming engine takes twice the memory for that."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(lazy.slice(0, rows).collect)
        for offset in itertools.count(rows, rows):
            batch = ahead.result()
            ahead = reader.submit(lazy.slice(offset, rows).collect)
            if batch.height or offset == rows:
                yield batch
            if batch.height < rows:
                return


def open_table(file: DataFile) -> Opened:
    """Open by suffix; InputError (4) when it is not what its name says."""
    suffix = Path(file.name).suffix.lower()
    with _readable(file):
        if suffix == ".parquet":
            lazy, lines = pl.scan_parquet(file.path, parallel="columns"), None
        elif suffix == ".csv":
            lines = _check_text(file)
            _check_heading(file)
            lazy = pl.scan_csv(file.path, infer_schema=False)
        else:
            raise InputError(f"{file.name}: cannot tell its format by {suffix!r}", hint="name it .csv or .parquet")
        return Opened(file, lazy, lazy.collect_schema(), lines)


@contextmanager
def _readable(file: DataFile) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        line = _ragged(file.path) if Path(file.name).suffix.lower() == ".csv" else ""
        raise InputError(f"{file.name} cannot be read: {line or said}", hint=_WRITE_ANEW) from error


def _check_text(file: DataFile) -> int:
    """Encoding and line ends, over the bytes: both would only show as odd values later. How many lines there are."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, endings, last = 0, {b"\r\n": 0, b"\n": 0}, b""
    with file.path.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                # `error.start` counts from what the decoder kept of the chunk before, three bytes at most
                line = lines + chunk[: error.start].count(b"\n") + 1
                raise InputError(
                    f"{file.name} is not UTF-8 text: byte 0x{error.object[error.start]:02x} in line {line}",
                    hint="save it as UTF-8, or convert it: iconv -f latin1 -t utf-8",
                ) from error
            breaks = chunk.count(b"\n")
            crlf = chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            for ending, count in ((b"\r\n", crlf), (b"\n", breaks - crlf)):
                endings[ending] += count
            if all(endings.values()):
                raise InputError(
                    f"{file.name} has lines that end in CR LF and lines that end in LF, from line {_odd_line(file)} on",
                    hint="it was put together from two sources: convert it, for instance with dos2unix",
                )
            lines, last = lines + breaks, chunk[-1:]
            if not lines and chunk.count(b"\r") > 1:
                raise InputError(
                    f"{file.name} has lines that end in CR alone", hint="convert it, for instance with mac2unix"
                )
    return lines + (last not in (b"", b"\n"))


def _check_heading(file: DataFile) -> None:
    with file.path.open(newline="", encoding="utf-8-sig") as opened:
        names = next(csv.reader(opened), [])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{file.name} has two columns of one name: {', '.join(twice)}", hint="name each column differently"
        )


def _odd_line(file: DataFile) -> int:
    with file.path.open("rb") as opened:
        first = opened.readline().endswith(b"\r\n")
        return next(number for number, line in enumerate(opened, start=2) if line.endswith(b"\r\n") != first)


def _ragged(path: Path) -> str:
    """The first line with another number of fields than the heading."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            rows = csv.reader(opened)
            wanted = len(next(rows, []))
            for row in rows:
                if row and len(row) != wanted:
                    return f"line {rows.line_num} has {len(row)} fields, and the heading {wanted}"
    except (OSError, csv.Error, UnicodeDecodeError):
        pass
    return ""
