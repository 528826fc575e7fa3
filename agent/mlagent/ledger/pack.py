"""An evidence pack as files: what a list, which can be signed, says of each, and one archive of the same bytes always.

What the files are called, and how they are checked, is said in `standalone/verify.py`, which is one of them.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mlagent.core import digest
from mlagent.core.digest import Digest
from mlagent.ledger.standalone import verify

PROGRAM, README = "verify.py", "README.txt"
DATE = (1980, 1, 1, 0, 0, 0)  # the first that an archive knows: when it was packed makes no other pack
PLAIN_FILE = 0o100644 << 16

TEXT = """\
Evidence for the model {model}, release {release}, made by run {run}.

    python3 verify.py                        in this folder, or with the archive's name after it
    python3 verify.py --key cosign.pub       by a public key that you have from elsewhere

It needs Python 3.9 or newer, no network, and for the signatures cosign (on the path, or as COSIGN=FILE).
It ends with 0: all is there and holds; 1: something is wrong; 2: nothing is wrong, something is open.
A forged pack may bring a forged verify.py and forged keys: take both from those whom you trust.

report.html            the run for people: how it ended, every verdict, figure and plot
model-card.md          intended use, data, figures with intervals, fairness, limits
release.json           the release record: what the release is made of, by digest
verdicts.json          every judgement with thresholds, values, sample sizes
sbom.json              what is in the image (CycloneDX)
image/                 the image's manifest; signatures on it, and what each of them signs
attestations/          signed statements about the image (DSSE, in-toto), as they lie in the registry
ledger/entries.jsonl   who did what: the entries about this release, its data and its run, as they are kept
ledger/proofs.json     for each of them the hashes that lead to the checkpoint's root (RFC 6962)
ledger/checkpoint.json the signed root of the whole ledger
earlier/               what a promotion rests on that the run wrote anew since
policy/                what the platform asked before a deploy, and what it found
keys/                  public keys, by their fingerprint (SHA-256 of the key in DER)
manifest.json          the SHA-256 of each file, and why others are absent; signed in manifest.json.sig
"""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Files by name, and of those that are not there why."""

    files: Mapping[str, bytes] = {}
    absent: Mapping[str, str] = {}

    def __or__(self, other: "Parts") -> "Parts":
        """Both."""
        return Parts(files={**self.files, **other.files}, absent={**self.absent, **other.absent})


class Of(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack is of: `about` are the digests, and the run, by which the ledger tells of it."""

    model: str
    run: str
    release: Digest
    about: tuple[str, ...]


def with_guide(of: Of, parts: Parts) -> Parts:
    """The same with what explains and checks it."""
    said = TEXT.format(model=of.model, run=of.run, release=of.release or "none").encode()
    return parts | Parts(files={README: said, PROGRAM: Path(verify.__file__).read_bytes()})


def listed(of: Of, parts: Parts) -> bytes:
    """The list of all files with their digests, in canonical JSON."""
    files = {name: digest.of_bytes(data) for name, data in parts.files.items()}
    said = {"schema": verify.SCHEMA, **msgspec.to_builtins(of), "about": sorted(set(of.about))}
    return digest.canonical_json({**said, "files": files, "absent": dict(parts.absent)})


def archive(parts: Parts, manifest: bytes, signature: str) -> bytes:
    """One archive; nothing is compressed, since another zlib would make other bytes of it."""
    files = {**parts.files, verify.MANIFEST: manifest}
    files |= {verify.SIGNED: signature.encode()} if signature else {}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = 3, PLAIN_FILE
            made.writestr(entry, files[name])
    return written.getvalue()
