"""Where the team's rows lie: a file, a folder, a glob or a URL; each file by its name and the digest of its content."""

import atexit
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlagent import adapters
from mlagent.config.sections import Data
from mlagent.core import digest
from mlagent.core.context import DataFile
from mlagent.core.files import write_whole
from mlagent.errors import InfrastructureError, InputError

if TYPE_CHECKING:
    from mlagent.adapters.remote_data import RemoteFile, RemoteFiles

QUERY_ROWS = 250_000
SUFFIXES = (".csv", ".parquet")
RACY_NS = 2_000_000_000
GLOB = re.compile(r"[*?\[]")


class Known(msgspec.Struct, frozen=True):
    """What a file looked like when it was digested: size in bytes, and a stamp of its time and number."""

    size: int
    stamp: str
    digest: str


class Dataset:
    """The files that `data.path` names, by name; each downloaded and digested once while it looks unchanged.

    `home` keeps what is known of them and what was downloaded.
    """

    def __init__(self, project: Path, data: Data, home: Path) -> None:
        """Nothing is looked at yet."""
        self._project, self._data, self._home = project, data, home
        self._answer: tuple[DataFile, ...] | None = None

    def files(self) -> tuple[DataFile, ...]:
        """The files, on this machine; InputError (4) when there are none, InfrastructureError (20) out of reach."""
        if self._data.query:
            return self._queried()
        given = {"": self._data.path, "validation": self._data.validation_path, "test": self._data.test_path}
        return tuple(file for part, path in given.items() if path for file in self._of(path, part))

    def _queried(self) -> tuple[DataFile, ...]:
        """The query's rows as files, asked for once by each process."""
        if self._answer is None:
            from mlagent.data.rows import write_rows

            folder = self._home / f"queried-{os.getpid()}"
            found = []
            for number, (names, rows) in enumerate(adapters.query_rows(self._data, QUERY_ROWS)):
                path = folder / f"part-{number:05d}.parquet"
                self._keep(partial(write_rows, names, rows, path))
                found.append(DataFile(f"data.query part {number + 1}.parquet", path))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            self._answer = tuple(found)
        return self._answer

    def _of(self, path: str, part: str) -> Iterator[DataFile]:
        if "://" in path:
            remote = adapters.remote_files(path, self._data)
            yield from (self._fetched(remote, file, part) for file in remote.listed(SUFFIXES))
        else:
            yield from (DataFile(self._named(one), one, part) for one in self._local(path))

    def digest(self) -> str:
        """Of the content: of the one file's bytes, or of the names and contents of several."""
        found = {f"{file.part} {file.name}".lstrip(): self._digest(file) for file in self.files()}
        return next(iter(found.values())) if len(found) == 1 else digest.of_json(found)

    def _local(self, given: str) -> list[Path]:
        path = self._project / given
        if path.is_dir():
            inside = (one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
            found = [one for one in inside if not any(part.startswith(".") for part in one.relative_to(path).parts)]
        elif GLOB.search(given):
            root = Path(path.anchor)
            found = [one for one in root.glob(str(path.relative_to(root))) if one.is_file()]
        else:
            found = [path]
        if not found:
            raise InputError(
                f"{given} (data.path) names no {' or '.join(SUFFIXES)} file",
                hint="paths are relative to the project's folder",
            )
        return sorted(found)

    def _named(self, path: Path) -> str:
        inside = path.is_relative_to(self._project)
        return path.relative_to(self._project).as_posix() if inside else str(path)

    def _digest(self, file: DataFile) -> str:
        try:
            state = file.path.stat()
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"{file.name} (data.path) is no file", hint="name a file, a folder or a glob")
            stamp = f"{state.st_mtime_ns} {state.st_ino}"
            known = self._known().get(file.name)
            if known and not self._data.verify and (known.size, known.stamp) == (state.st_size, stamp):
                return known.digest
            found = digest.of_file(file.path)
        except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
            said = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise InputError(
                f"{file.name} (data.path) cannot be read: {said}",
                hint="paths are relative to the project's folder; a template's data is made by `python make_data.py`",
            ) from error
        if time.time_ns() - state.st_mtime_ns > RACY_NS:  # a younger one may change again within a tick of its clock
            with suppress(OSError):  # it only saves time
                self._remember(file.name, Known(state.st_size, stamp, found))
        return found

    def _known(self) -> dict[str, Known]:
        try:
            return msgspec.json.decode((self._home / "known.json").read_bytes(), type=dict[str, Known])
        except (OSError, ValueError):  # it only saves time
            return {}

    def _remember(self, name: str, known: Known) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        write_whole(self._home / "known.json", msgspec.json.encode({**self._known(), name: known}))

    def _fetched(self, remote: "RemoteFiles", file: "RemoteFile", part: str) -> DataFile:
        """The file on this machine, downloaded when it is not here as it is there."""
        path = self._home / "fetched" / digest.short(digest.of_bytes(file.url.encode())) / file.name
        stamp = path.with_name(f"{path.name}.stamp")
        if self._data.verify or not path.is_file() or not stamp.is_file() or stamp.read_text() != file.stamp:
            self._keep(lambda: self._download(remote, file, path, stamp))
        return DataFile(file.url, path, part)

    def _download(self, remote: "RemoteFiles", file: "RemoteFile", path: Path, stamp: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            remote.download(file, beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        write_whole(stamp, file.stamp.encode())

    def _keep(self, write: Callable[[], None]) -> None:
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            write()
        except OSError as error:
            raise InfrastructureError(
                f"{self._home} cannot be written: {os.strerror(error.errno or 0)}",
                hint="is the disk full, or mounted read-only?",
            ) from error
