"""What is in a base: which Python, which packages, which C library. Its layers are read once, from first to last."""

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from mlagent.core import interrupt
from mlagent.core.digest import ALGORITHM, Digest
from mlagent.errors import ConfigError, InputError

PYTHON = re.compile(r"(?:.*/)?bin/python3\.\d+")
READ = re.compile(r"var/lib/dpkg/status(?:\.d/[^/]+)?|(?:usr/)?lib/apk/db/installed|(?:etc|usr/lib)/os-release")
PREFERRED = ("/usr/local/bin/", "/usr/bin/")
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
OLDEST_LIBC = (2, 28)  # what wheels for manylinux_2_28 ask for
LARGEST = 64 << 20


class Package(msgspec.Struct, frozen=True, omit_defaults=True):
    """A package of the base's system; `kind` is deb or apk, `source` what it was built from."""

    kind: str
    name: str
    version: str
    architecture: str
    source: str = ""


class Inside(msgspec.Struct, frozen=True):
    """What a base holds; `pythons` are paths, `system` its ID and VERSION_ID."""

    pythons: tuple[str, ...]
    packages: tuple[Package, ...]
    system: tuple[str, str]

    def python(self, wanted: str, base: str) -> str:
        """The path of the Python that is wanted; ConfigError (3) where it is not there, or cannot run our wheels."""
        self._must_run_wheels(base)
        fitting = [path for path in self.pythons if path.endswith(f"/python{wanted}")]
        if fitting:
            return min(fitting, key=lambda path: (*(not path.startswith(one) for one in PREFERRED), len(path), path))
        there = f"it has {', '.join(self.pythons)}" if self.pythons else "there is no Python in it"
        raise ConfigError(
            f"package.base {base} has no Python {wanted}: {there}",
            hint="set package.python to what it has and give `mlagent package --relock`, or name another base",
        )

    def _must_run_wheels(self, base: str) -> None:
        """The wheels that are installed are for the GNU C library, 2.28 or later."""
        musl = [one for one in self.packages if one.kind == "apk" and one.name == "musl"]
        libc = next((one.version for one in self.packages if one.kind == "deb" and one.name == "libc6"), None)
        number = re.match(r"(\d+)\.(\d+)", libc or "")
        old = number is not None and (int(number[1]), int(number[2])) < OLDEST_LIBC
        if musl or old:
            found = "musl" if musl else f"glibc {libc}"
            raise ConfigError(
                f"package.base {base} has the C library {found}, and the wheels want glibc 2.28 or later",
                hint="name a base on Debian 10 or later, or on another system of that age",
            )


def look(layers: Iterable[tuple[Path, Digest]]) -> Inside:
    """Read layers, each with the digest its tar must have, the lowest first; InputError (4) where one is corrupt."""
    found: dict[str, bytes] = {}
    for path, diff_id in layers:
        with path.open("rb") as raw:
            try:
                _read(raw, diff_id, found)
            except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise InputError(
                    f"a layer of the base cannot be read: {path.name}: {error}", hint="was it written whole?"
                ) from error
    system = _fields((found.get("etc/os-release") or found.get("usr/lib/os-release") or b"").decode(errors="replace"))
    pythons = sorted("/" + name for name in found if PYTHON.fullmatch(name))
    return Inside(tuple(pythons), tuple(_packages(found)), (system.get("ID", ""), system.get("VERSION_ID", "")))


class _Hashed:
    """A stream that is digested while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.new(ALGORITHM)

    def read(self, size: int) -> bytes:
        """Some more."""
        interrupt.check()
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def rest(self) -> Digest:
        """Read to the end; the digest of it all."""
        while self.read(1 << 20):
            pass
        return f"{ALGORITHM}:{self._hash.hexdigest()}"


def _read(raw: IO[bytes], diff_id: Digest, found: dict[str, bytes]) -> None:
    magic = raw.read(4)
    raw.seek(0)
    if magic == b"\x28\xb5\x2f\xfd":
        raise ConfigError(
            "a layer of the base is packed with zstd, which this Python cannot read",
            hint="`skopeo copy --dest-compress-format gzip` writes the base with another",
        )
    stream = _Hashed(gzip.GzipFile(fileobj=raw) if magic[:2] == b"\x1f\x8b" else raw)  # type: ignore[arg-type]
    with tarfile.open(mode="r|", fileobj=stream, bufsize=1 << 20) as tar:  # type: ignore[call-overload]
        for entry in tar:
            _take(tar, entry, found)
    if stream.rest() != diff_id:
        raise InputError(
            f"a layer of the base is not what its configuration says: {diff_id}", hint="take the base anew"
        )


def _take(tar: tarfile.TarFile, entry: tarfile.TarInfo, found: dict[str, bytes]) -> None:
    """What counts of one entry; a whiteout takes away what lower layers had."""
    name = str(PurePosixPath("/", entry.name.removeprefix("./")))[1:]
    folder, _, base = name.rpartition("/")
    if base.startswith(WHITEOUT):
        gone = folder if base == OPAQUE else "/".join(filter(None, [folder, base.removeprefix(WHITEOUT)]))
        for one in [one for one in found if one == gone or one.startswith(f"{gone}/")]:
            del found[one]
    elif PYTHON.fullmatch(name) and not entry.isdir():
        found[name] = b""
    elif READ.fullmatch(name) and entry.isfile() and entry.size < LARGEST:
        file = tar.extractfile(entry)
        found[name] = file.read() if file else b""


def _packages(found: dict[str, bytes]) -> Iterator[Package]:
    listed: dict[tuple[str, str, str], Package] = {}
    for name, data in found.items():
        text = data.decode(errors="replace")
        read: Callable[[str], Package | None] | None = None
        if name.startswith("var/lib/dpkg/"):
            read = _deb
        elif name.endswith("apk/db/installed"):
            read = _apk
        for part in re.split(r"\n\s*\n", text) if read else ():
            one = read(part) if read else None
            if one:
                listed[one.name, one.version, one.architecture] = one
    yield from (listed[key] for key in sorted(listed))


def _deb(text: str) -> Package | None:
    """One paragraph of dpkg's list; what was removed has left its settings behind."""
    fields = dict(re.findall(r"(?m)^([A-Za-z-]+): ?(.*)$", text))
    there = fields.get("Status", "installed").split()[-1:] == ["installed"]
    if not there or not {"Package", "Version"} <= fields.keys():
        return None
    source = fields.get("Source", "").partition(" ")[0]
    return Package("deb", fields["Package"], fields["Version"], fields.get("Architecture", ""), source)


def _apk(text: str) -> Package | None:
    fields = dict(re.findall(r"(?m)^([A-Za-z]):(.*)$", text))
    if not {"P", "V"} <= fields.keys():
        return None
    return Package("apk", fields["P"], fields["V"], fields.get("A", ""), fields.get("o", ""))


def _fields(text: str) -> dict[str, str]:
    return {name: value.strip("\"'") for name, value in re.findall(r"(?m)^([A-Z_]+)=(.*)$", text)}
