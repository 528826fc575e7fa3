"""Opens a CSV or Parquet file lazily; what is wrong with the file as a whole is said with its line where it has one."""

import codecs
import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from mlagent.core.context import DataFile
from mlagent.errors import InputError

CHUNK = 4 << 20
_WRITE_ANEW = "the file may be cut off or of another format; write it anew"


class Opened:
    """A file whose columns are known, to be read in batches; a CSV's values are all text."""

    def __init__(self, file: DataFile, lazy: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> None:
        """Nothing but its columns has been read."""
        self.file, self.schema, self._lazy = file, schema, lazy

    def batches(self, rows: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """All rows in order, about so many at once; InputError (4) when they cannot be read to their end."""
        lazy = self._lazy if columns is None else self._lazy.select(columns)
        with _readable(self.file):
            if Path(self.file.name).suffix.lower() == ".parquet":
                yield from _slices(lazy, rows)
            else:
                yield from lazy.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming")


def _slices(lazy: pl.LazyFrame, rows: int) -> Iterator[pl.DataFrame]:
    """One slice after the other: the streaming engine reads ahead, and takes twice the memory for the same time."""
    for offset in itertools.count(0, rows):
        batch = lazy.slice(offset, rows).collect()
        if batch.height or offset == 0:
            yield batch
        if batch.height < rows:
            return


def open_table(file: DataFile) -> Opened:
    """Open by suffix; InputError (4) when it is not what its name says."""
    suffix = Path(file.name).suffix.lower()
    with _readable(file):
        if suffix == ".parquet":
            lazy = pl.scan_parquet(file.path, parallel="columns")
        elif suffix == ".csv":
            _check_text(file)
            _check_heading(file)
            lazy = pl.scan_csv(file.path, infer_schema=False)
        else:
            raise InputError(f"{file.name}: cannot tell its format by {suffix!r}", hint="name it .csv or .parquet")
        return Opened(file, lazy, lazy.collect_schema())


@contextmanager
def _readable(file: DataFile) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        line = _ragged(file.path) if Path(file.name).suffix.lower() == ".csv" else ""
        raise InputError(f"{file.name} cannot be read: {line or said}", hint=_WRITE_ANEW) from error


def _check_text(file: DataFile) -> None:
    """Encoding and line ends, over the bytes: both would only show as odd values later."""
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
