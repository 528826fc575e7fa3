"""The door to the stores: a folder by default, any fsspec URL by setting; a remote library is opened only for a URL."""

from collections.abc import Mapping
from pathlib import Path

from mlagent.adapters.stores.local import LocalStore
from mlagent.core.ports.store import Store
from mlagent.errors import missing_package

HERE = ("file://", "local://")


def open_store(url: str | Path, options: Mapping[str, object] | None = None) -> Store:
    """The store at a path (also file://) or URL (s3://, gs://, az://, …); a folder is made at the first write.

    `options` are fsspec's storage options for the URL, such as `endpoint_url`, `key` and `secret` of s3://.
    ConfigError where the package that opens the URL is not installed, or does not understand the options.
    """
    text = str(url)
    for scheme in HERE:
        if text.startswith(scheme):
            return LocalStore(Path(text.removeprefix(scheme)))
    if isinstance(url, Path) or "://" not in text:
        return LocalStore(Path(text).expanduser())
    try:
        from mlagent.adapters.stores.remote import open_remote
    except ImportError as error:
        raise missing_package("fsspec", "store") from error
    return open_remote(text, options or {})
