"""Says whether an evidence pack holds: hashes, names and proofs by itself, signatures by cosign.

    python3 verify.py [PACK.zip, or the folder it was unpacked to] [--key FILE ...]

Needs Python 3.9, no network, and for the signatures cosign, on the path or as COSIGN=FILE. Ends with 0 when all is
there and holds by keys that you gave, 1 when something is wrong, 2 when something is not there or was not checked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SCHEMA, STATEMENT = "urn:mlagent:evidence:v1", "https://in-toto.io/Statement/v"
MANIFEST, SIGNED = "manifest.json", "manifest.json.sig"
RECORD, CARD, VERDICTS, SBOM = "release.json", "model-card.md", "verdicts.json", "sbom.json"
IMAGE, SEEN, MODEL = "image/manifest.json", "image/signature", "io.mlagent.model.digest"
CHECKPOINT, ENTRIES, PROOFS = "ledger/checkpoint.json", "ledger/entries.jsonl", "ledger/proofs.json"
PROVENANCE, BILL, JUDGED = "attestations/provenance", "attestations/sbom", "attestations/verdicts"
PARTS = (RECORD, CARD, VERDICTS, SBOM, IMAGE, SEEN, PROVENANCE, BILL, JUDGED, ENTRIES, CHECKPOINT, SIGNED)
KEYS, PAYLOAD = {"payload", "payloadType", "signatures"}, "application/vnd.in-toto+json"
OK, WRONG, OPEN = "ok", "WRONG", "open"
Row = tuple[str, str]


def digest(data: bytes) -> str:
    """Bytes as the pack names them."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def canonical(value: object) -> bytes:
    """One spelling for equal values."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="surrogateescape")


def read(data: bytes) -> Any:  # noqa: ANN401 - JSON
    """JSON in which no key stands twice: no two readers may see two things."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    return json.loads(data, object_pairs_hook=once)


def opened(path: Path) -> tuple[dict[str, bytes], list[Row]]:
    """Every file of a pack by its name, and what is none."""
    if path.is_dir():
        there = [one for one in sorted(path.rglob("*")) if one.is_symlink() or not one.is_dir()]
        plain = [one for one in there if one.is_file() and not one.is_symlink()]
        strange = [(WRONG, f"{one.relative_to(path)}: added, and no plain file") for one in there if one not in plain]
        return {one.relative_to(path).as_posix(): one.read_bytes() for one in plain}, strange
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        twice = [(WRONG, f"{one}: in the archive twice") for one in sorted(set(names)) if names.count(one) > 1]
        return {one: archive.read(one) for one in names}, twice


class Trust:
    """Keys by their names, and the program that holds signatures against them; `why` says why nothing is checked."""

    def __init__(self, keys: dict[str, bytes], program: str, work: Path) -> None:
        """Try the program: one that takes what is no signature is no cosign."""
        self._work, self._program = work, program
        self._keys = {name: self._written(f"key-{number}", data) for number, (name, data) in enumerate(keys.items())}
        said, wanted = (
            self._run("verify-blob", "--help").stdout,
            ("insecure-ignore-tlog=true", "new-bundle-format=false"),
        )
        self._options = [f"--{one}" for one in wanted if one.partition("=")[0].encode() in said]  # in no public log
        self.why = "" if keys else "there is no public key: give one with --key FILE"
        if not self.why and (not self._options or self.by(b"nothing", b"AAAA")):
            self.why = f"`{program}` does not answer as cosign does: install it, or name it as COSIGN=FILE"

    def by(self, data: bytes, signature: bytes, kind: str = "") -> str:
        """By which key these bytes are signed, or an envelope with a statement about them; empty for none."""
        command = ["verify-blob-attestation", f"--type={kind}"] if kind else ["verify-blob"]
        blob, beside = self._written("blob", data), self._written("signature", signature)
        said = [*command, f"--signature={beside}", *self._options, str(blob)]
        return next((name for name, key in self._keys.items() if not self._run(*said, f"--key={key}").returncode), "")

    def _run(self, *said: str) -> subprocess.CompletedProcess[bytes]:
        env, command = {"PATH": os.environ.get("PATH", ""), "HOME": str(self._work)}, [self._program, *said]
        try:
            return subprocess.run(command, env=env, capture_output=True, timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return subprocess.CompletedProcess(command, 127, b"", b"")

    def _written(self, name: str, data: bytes) -> Path:
        (self._work / name).write_bytes(data)
        return self._work / name


class Pack(NamedTuple):
    """A pack's files by name, and who is trusted."""

    files: dict[str, bytes]
    trust: Trust

    def json(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """One of its files; an empty one where it is not there."""
        try:
            return read(self.files.get(name, b"{}"))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    def named(self, begin: str) -> list[str]:
        """Its JSON files whose names begin so."""
        return sorted(one for one in self.files if one.startswith(begin) and one.endswith(".json"))

    def signed(self, what: str, data: bytes, signature: bytes, kind: str = "") -> Row:
        """Ask for a signature, or for that of a statement."""
        if self.trust.why:
            return OPEN, f"{what}: its signature was not checked: {self.trust.why}"
        name = self.trust.by(data, signature, kind)
        return (OK, f"{what}: signed by {name}") if name else (WRONG, f"{what}: its signature is by none of the keys")


def row(good: bool, what: str, says: str) -> Row:  # noqa: FBT001 - what it says of that
    """A sentence, or its contrary."""
    return (OK, f"{what}: {says}") if good else (WRONG, f"{what}: not {says}")


def whole(pack: Pack) -> Iterator[Row]:
    """Every file is the one that was packed, by whom, and none was added; what a release has to show and lacks."""
    said = pack.json(MANIFEST)
    if said.get("schema") != SCHEMA:
        raise ValueError(f"{MANIFEST} is not there, or not of a pack that this program knows ({SCHEMA})")
    listed, there = said["files"], {name: digest(data) for name, data in pack.files.items()}
    bad = [f"{name}: missing" for name in sorted(listed.keys() - there.keys())]
    bad += [f"{name}: added, it is not listed" for name in sorted(there.keys() - listed.keys() - {MANIFEST, SIGNED})]
    bad += [f"{name}: not what was packed" for name in sorted(listed) if there.get(name, listed[name]) != listed[name]]
    yield from [(WRONG, one) for one in bad] or [(OK, f"{len(listed)} files: each as listed, and no other")]
    if SIGNED in pack.files:
        yield pack.signed(f"{MANIFEST}, the list", pack.files[MANIFEST], pack.files[SIGNED])
    for part in (one for one in PARTS if not any(name.startswith(one) for name in there)):
        yield OPEN, f"{part}: not there: {said['absent'].get(part, 'the pack does not say why')}"


def release(pack: Pack) -> Iterator[Row]:
    """The record, the image and the verdicts name each other."""
    record, said = pack.json(RECORD), pack.json(MANIFEST)
    if not record:
        return
    yield row((record["model"], record["run"]) == (said["model"], said["run"]), RECORD, "of the pack's model and run")
    if SBOM in pack.files:
        yield row(digest(pack.files[SBOM]) == record["sbom"], SBOM, f"the one that {RECORD} names")
    if IMAGE in pack.files:
        image, named = pack.json(IMAGE), record["image"] or {}
        made = digest(pack.files[IMAGE]), image["config"]["digest"], image["annotations"][MODEL]
        good = made == (named.get("digest"), named.get("config"), record["onnx"])
        yield row(good, IMAGE, f"the one that {RECORD} names, with its configuration and model")
    if VERDICTS in pack.files:
        there = [one["verdict"] for one in pack.json(VERDICTS)["verdicts"]]
        found = sorted((digest(canonical(one)), one["outcome"]) for one in there)
        good = found == sorted((one["digest"], one["outcome"]) for one in record["verdicts"])
        yield row(good, VERDICTS, f"the {len(found)} that {RECORD} names")


def statements(pack: Pack) -> Iterator[Row]:
    """What is said of the image: by whom, of which, and whether it is what the other files say."""
    image = pack.files.get(IMAGE, b"")
    for name in pack.named(SEEN):
        said = read(pack.files[name])["critical"]["image"]["docker-manifest-digest"]
        yield row(said == digest(image), name, "of this image")
        yield pack.signed(name, pack.files[name], pack.files.get(f"{name[:-5]}.sig", b""))
    for name in pack.named("attestations/"):
        said = statement(pack.files[name])
        named = [f"sha256:{one['digest'].get('sha256')}" for one in said["subject"]]
        yield row(digest(image) in named, name, "about this image")
        yield from agrees(pack, name, said["predicate"])
        yield pack.signed(name, image, pack.files[name], said["predicateType"])


def statement(envelope: bytes) -> Any:  # noqa: ANN401 - JSON
    """What an envelope holds; to cosign, `Payload` is `payload`: with another key it says two things."""
    outer = read(envelope)
    said = read(base64.b64decode(outer["payload"].replace("-", "+").replace("_", "/").encode(), validate=True))
    if set(outer) != KEYS or outer["payloadType"] != PAYLOAD or not said["_type"].startswith(STATEMENT):
        raise ValueError("an envelope that holds more than one in-toto statement, or another thing")
    return said


def agrees(pack: Pack, name: str, predicate: Any) -> Iterator[Row]:  # noqa: ANN401 - JSON
    """Whether what was stated is what another file says; 1.0 and 1 are one number."""
    if name.startswith(PROVENANCE) and RECORD in pack.files:
        said = {**predicate, "runDetails": {**predicate["runDetails"]}}
        said["runDetails"].pop("metadata", None)
        yield row(digest(canonical(said)) == pack.json(RECORD)["provenance"], name, f"what {RECORD} names")
    elif name.startswith(BILL) and SBOM in pack.files:
        yield row(predicate == pack.json(SBOM), name, f"what {SBOM} says")
    elif name.startswith(JUDGED) and VERDICTS in pack.files:
        there = pack.json(VERDICTS)["verdicts"]
        yield row(all(one in there for one in predicate["verdicts"]), name, f"what {VERDICTS} says")


def ledger(pack: Pack) -> Iterator[Row]:
    """Each entry is one of those that the checkpoint stands for, and about this release."""
    lines, proofs, point = pack.files.get(ENTRIES, b"").split(b"\n")[:-1], pack.json(PROOFS), dict[str, Any](size=0)
    if CHECKPOINT in pack.files:
        sealed = pack.json(CHECKPOINT)
        point, signature = sealed["checkpoint"], sealed["signature"].encode()
        what = f"{CHECKPOINT} ({point['size']} entries, {point['time']})"
        yield pack.signed(what, canonical(point), signature) if signature else (OPEN, f"{what}: nobody signed it")
    for line in lines:
        entry = read(line)
        fact, number = entry["fact"], entry["number"]
        what = f"entry {number} ({fact['what']} {fact['environment']}".rstrip() + f", {fact['who']}, {fact['time']})"
        if number > point["size"]:
            yield OPEN, f"{what}: no checkpoint stands for it yet"
        else:
            good = included(line, number - 1, point["size"], proofs.get(str(number), []), point["root"])
            yield row(good, what, "one that the checkpoint stands for")
    strays = proofs.keys() - {str(read(one)["number"]) for one in lines}
    yield from ((WRONG, f"entry {one}: proven, and not there") for one in sorted(strays, key=int))
    yield from rests(pack, [read(one)["fact"] for one in lines])


def rests(pack: Pack, facts: list[Any]) -> Iterator[Row]:
    """Whether each fact is about this release, and what a move by this run rests on lies in the pack."""
    said, there, held = pack.json(MANIFEST), {digest(data) for data in pack.files.values()}, set[str]()
    for fact in facts:
        what = f"{fact['what']} {fact['environment']} ({fact['time']})"
        if fact["model"] != said["model"] or not any(canonical(one) in canonical(fact) for one in said["about"]):
            yield WRONG, f"{what}: about something else"
        if fact["what"] in ("promoted", "rolled-back") and fact["run"] == said["run"]:
            held.update(fact["holds"])
            lost = {*fact["holds"]} - there - {fact["details"].get("onnx")}
            yield from ((WRONG, f"{what}: it rests on {one}, which is not here") for one in sorted(lost))
    for name in (one for one in (RECORD, CARD, VERDICTS) if held and one in pack.files):
        good = digest(pack.files[name]) in held
        yield (OK, f"{name}: a move rests on it") if good else (OPEN, f"{name}: no move of this run rests on it")
    for name in pack.named("policy/decision-"):
        good = pack.json(name)["image"].endswith(digest(pack.files[IMAGE])) and pack.json(name)["passed"] is True
        yield row(good, name, "that this image may run")


def included(entry: bytes, place: int, size: int, path: list[str], root: str) -> bool:
    """Whether these hashes lead from the entry at this place, from 0, to the root of an RFC 6962 tree of this size."""
    if not 0 <= place < size:
        return False
    node, last, rest = hashlib.sha256(b"\0" + entry).digest(), size - 1, iter([bytes.fromhex(one) for one in path])
    while last:
        if place & 1 or place < last:
            beside = next(rest, b"")
            node = hashlib.sha256(b"\1" + (beside + node if place & 1 else node + beside)).digest()
        place, last = place >> 1, last >> 1
    return not list(rest) and root == f"sha256:{node.hex()}"


def main(arguments: list[str] | None = None) -> int:
    """Print a row for each thing, and what follows from all."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("pack", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    asked.add_argument("--key", action="append", type=Path, default=[], help="a public key that you trust")
    given = asked.parse_args(arguments)
    try:
        files, rows = opened(given.pack)
        keys = {str(one): one.read_bytes() for one in given.key}
    except (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        return told([(WRONG, f"{given.pack} cannot be read: {error}")])
    if not keys:
        keys = {f"{name} of the pack": files[name] for name in sorted(files) if name.startswith("keys/")}
        rows.append((OPEN, "keys: those of the pack vouch for nothing: whoever forged it forged them. Use --key FILE"))
    with tempfile.TemporaryDirectory() as work:
        pack = Pack(files, Trust(keys, shutil.which(os.environ.get("COSIGN") or "cosign") or "cosign", Path(work)))
        for check in (whole, release, statements, ledger):
            try:
                rows.extend(check(pack))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # noqa: PERF203
                rows.append((WRONG, f"{check.__name__}: cannot be read: {type(error).__name__}: {error}"))
    return told(rows)


def told(rows: list[Row]) -> int:
    """The rows, for people, and the exit status."""
    lines = [f"{state:6}{''.join(one if one.isprintable() else '?' for one in says)}" for state, says in rows]
    wrong, left = (sum(state == one for state, _ in rows) for one in (WRONG, OPEN))
    end = f"Nothing is wrong; {left} of {len(rows)} rows are open" if left else "This pack holds"
    lines += ["", f"This pack does not hold: {wrong} of {len(rows)} rows are wrong" if wrong else end, ""]
    sys.stdout.buffer.write("\n".join(lines).encode(sys.stdout.encoding or "utf-8", "replace"))
    return 1 if wrong else 2 if left else 0


if __name__ == "__main__":
    sys.exit(main())
