"""The team's files behind a URL, by any filesystem that fsspec opens."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from mlagent.adapters.stores.reach import Place
from mlagent.errors import ConfigError, InputError, missing_package

_GLOB = re.compile(r"[*?\[]")
_CHANGES = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


class RemoteFile(msgspec.Struct, frozen=True):
    """A file behind a URL; `stamp` is other text when its content may be another."""

    url: str
    name: str
    stamp: str


class RemoteFiles:
    """A file, a folder or a glob of them."""

    def __init__(self, url: str, options: Mapping[str, object]) -> None:
        """`options` are fsspec's for the URL; nothing is reached yet."""
        self._place = Place.of(url, options)
        try:
            import fsspec

            self._files, self._path = fsspec.core.url_to_fs(url, **{"use_listings_cache": False, **options})
        except ImportError as error:
            raise missing_package(error.name or "fsspec", "store") from error
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(
                f"{self._place.where} (data.path) cannot be opened: {self._place.masked(str(error))}",
                hint="use a path, or a URL such as s3://bucket/folder, gs://…, az://…, https://…",
            ) from error

    def listed(self, suffixes: Sequence[str]) -> list[RemoteFile]:
        """Files by name: of a folder or glob those with one of the suffixes; InputError (4) when there are none."""
        with self._place.reached():
            if _GLOB.search(self._path):
                paths = self._files.glob(self._path)
            elif self._files.isdir(self._path):
                paths = self._files.find(self._path)
            else:
                paths = [self._path] if self._files.exists(self._path) else []
            single = paths == [self._path]
            wanted = [path for path in paths if single or PurePosixPath(path).suffix.lower() in suffixes]
            found = [self._file(path) for path in sorted(wanted)]
        if not found:
            raise InputError(
                f"{self._place.where} (data.path) names no {' or '.join(suffixes)} file",
                hint="is the URL right, and was the file written?",
            )
        return found

    def download(self, file: RemoteFile, target: Path) -> None:
        """Write the file's bytes to `target`."""
        with self._place.reached():
            self._files.get_file(self._files._strip_protocol(file.url), str(target))  # noqa: SLF001 - fsspec's own spelling

    def _file(self, path: str) -> RemoteFile:
        info = self._files.info(path)
        change = next((info[key] for key in _CHANGES if info.get(key)), "unknown")
        return RemoteFile(self._files.unstrip_protocol(path), PurePosixPath(path).name, f"{info.get('size')} {change}")
