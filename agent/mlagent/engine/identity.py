"""Which run this is: a digest of source, data and configuration; never of a commit, a build number or a clock."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlagent.core import digest
from mlagent.errors import InputError


def source_digest(project: Path, patterns: Iterable[str]) -> str:
    """Digest of the project's files that the stages declare as sources, by their names and contents."""
    found = {path for pattern in patterns for path in project.glob(pattern) if path.is_file()}
    names = {path.relative_to(project).as_posix(): path for path in found}
    kept = {name: path for name, path in names.items() if digest.IGNORED.isdisjoint(name.split("/"))}
    return digest.of_json({name: digest.of_file(path) for name, path in kept.items()})


def data_digest(project: Path, data: str) -> str:
    """Digest of the data file's bytes; InputError (4) when it is not there."""
    try:
        return digest.of_file(project / data)
    except OSError as error:
        raise InputError(
            f"{data} (data.path) cannot be read: {os.strerror(error.errno or 0)}",
            hint="paths are relative to the project's folder; a template's data is made by `python make_data.py`",
        ) from error


def run_id(source: str, data: str, config: Mapping[str, Any]) -> str:
    """Twelve hex digits that name the run."""
    return digest.short(digest.of_json({"source": source, "data": data, "config": config}))
