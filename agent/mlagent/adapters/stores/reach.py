"""What can go wrong between here and a remote store, in words: never a raw traceback, never a key."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from mlagent.errors import ConfigError, InfrastructureError, MlagentError

HARMLESS = {"endpoint_url", "region_name", "protocol", "project", "profile", "anon", "signature_version"}
MASK = "[secret]"
WORTH_MASKING = 4


class Place(NamedTuple):
    """A remote store as it may be named in a message, and the texts that may not stand in one."""

    where: str
    secrets: frozenset[str]

    @classmethod
    def of(cls, url: str, options: Mapping[str, object]) -> "Place":
        """The URL without the user and password that some carry; every text of the options counts as secret."""
        where = re.sub(r"(?<=://)[^/@]*@", "", url).partition("?")[0]
        return cls(where.rstrip("/"), frozenset(_texts(options)))

    def __repr__(self) -> str:
        """Not the secrets: tracebacks show it."""
        return f"Place({self.where!r})"

    def masked(self, text: str) -> str:
        """The first line of a text, without secrets."""
        line = re.sub(r"(?<=://)[^/@\s]*@", "", (text.strip().splitlines() or [""])[0])
        for secret in sorted(self.secrets, key=len, reverse=True):
            line = line.replace(secret, MASK)
        return line

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Turn whatever a vendor's library raises into InfrastructureError: each has a tree of its own."""
        try:
            yield
        except MlagentError:
            raise
        except Exception as error:
            said = self.masked(str(error)) or "no reason given"
            message = f"the store {self.where} could not be used: {type(error).__name__}: {said}"
            if isinstance(error, TypeError) and "unexpected keyword" in said:  # vendors look at options when first used
                raise ConfigError(message, hint="see fsspec's page on that kind of store for its options") from error
            raise InfrastructureError(message, hint=_hint(error)) from error


def _texts(options: Mapping[str, object]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _texts(value)
        elif isinstance(value, str) and len(value) >= WORTH_MASKING and name not in HARMLESS:
            yield value


def _hint(error: Exception) -> str:
    if isinstance(error, PermissionError) or "Credential" in type(error).__name__:
        return "are there credentials for it, are they still valid, and may they read and write there?"
    if isinstance(error, FileNotFoundError):
        return "is there such a bucket or container? mlagent makes none"
    return "is the network up, and are the store's URL and endpoint right? the same command goes on where it stopped"


def code_of(error: BaseException) -> str:
    """The code of an S3 error, such as NoSuchBucket, which s3fs keeps as the cause; empty where there is none."""
    answer = getattr(error.__cause__, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, Mapping) else ""


def must_be_an_absence(error: FileNotFoundError) -> None:
    """Raise it again unless it is the object that is not there: a missing bucket is no empty store."""
    if code_of(error) == "NoSuchBucket":
        raise error
