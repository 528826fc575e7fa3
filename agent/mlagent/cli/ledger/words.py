"""What an entry says, in a line for people."""

from collections.abc import Callable, Iterable, Mapping

from mlagent.cli.ledger.times import shown
from mlagent.core import digest
from mlagent.core.ports.ledger import Entry, Fact

DIGEST = "sha256:"
HEX = 64
TOLD_ELSEWHERE = ("placement",)


def plain(text: str) -> str:
    """One line that a terminal prints and does not obey: people's reasons stand in the ledger as they wrote them."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in text)


def row(entry: Entry) -> tuple[str, ...]:
    """Number, time, what, environment, release, build, who, and what it says more."""
    fact = entry.fact
    build = str(fact.build) if fact.build else ""
    cells = (fact.what, fact.environment, digest.short(fact.release), build, fact.who, said(fact))
    return str(entry.number), *(plain(one) or "-" for one in (shown(fact.time), *cells))


def said(fact: Fact) -> str:
    """The details: in a sentence where the fact is of a kind we know, and what is left over by name."""
    left = dict(fact.details)
    sentence = SENTENCES[fact.what](left) if fact.what in SENTENCES else ""
    others = (
        f"{name.replace('_', ' ')} {_value(one)}" for name, one in left.items() if one and name not in TOLD_ELSEWHERE
    )
    return "; ".join(one for one in (sentence, *others) if one)


def release(fact: Fact) -> str:
    """The release of a move, as people call it."""
    version = fact.details.get("version", "")
    return f"{fact.model} {f'version {version} ' if version else ''}({digest.short(fact.release)})"


def _moved(left: dict[str, str]) -> str:
    version, before = left.pop("version", ""), left.pop("from_version", "")
    for name in ("onnx", "record", "policy", "from", "from_build", "pointed"):
        left.pop(name, None)
    return _joined(f"version {version}" if version else "", f"from {before}" if before else "", left.pop("reason", ""))


def _verdict(left: dict[str, str]) -> str:
    left.pop("digest", None)
    subject, stage = left.pop("subject", ""), left.pop("stage", "")
    by = f" by {stage}" if stage and stage != subject else ""
    return f"{subject} {left.pop('outcome', '')}{by}"


def _waived(left: dict[str, str]) -> str:
    left.pop("stage", None)
    until = left.pop("expires", "")
    owner, check, reason = left.pop("owner", ""), left.pop("check", ""), left.pop("reason", "")
    return _joined(check, f"{owner} answers for it{f' until {until}' if until else ''}" if owner else "", reason)


def _finished(left: dict[str, str]) -> str:
    commit, dirty, asked = left.pop("commit", ""), left.pop("dirty", ""), left.pop("pull_request", "")
    stage, attempt = left.pop("stage", ""), left.pop("attempt", "1")
    changed = " with changes" if dirty == "true" else ""
    left.pop("category", None)
    return _joined(
        f"{left.pop('outcome', '')}{f' at {stage}' if stage else ''}",
        f"attempt {attempt}" if attempt != "1" else "",
        f"commit {commit[:12]}{changed}" if commit else "",
        f"pull request {asked}" if asked else "",
    )


def _drifted(left: dict[str, str]) -> str:
    left.pop("verdict", None)
    subject, worst, says = left.pop("subject", ""), left.pop("worst", ""), left.pop("says", "")
    return _joined(f"{subject}: {worst}" if worst else subject, says)


def _overridden(left: dict[str, str]) -> str:
    left.pop("attempt", None)
    return _joined(left.pop("what", ""), left.pop("reason", ""))


def _deployed(left: dict[str, str]) -> str:
    version, namespace = left.pop("version", ""), left.pop("namespace", "")
    return f"version {version or '?'}{f' to namespace {namespace}' if namespace else ''}"


def _acknowledged(left: dict[str, str]) -> str:
    left.pop("kind", None)
    typed, reason = left.pop("typed_by", ""), left.pop("reason", "")
    because = f"because: {reason}" if reason else ""
    return _joined(f"{left.pop('finding', '')}: {left.pop('says', '')}", because, f"typed by {typed}" if typed else "")


SENTENCES: Mapping[str, Callable[[dict[str, str]], str]] = {
    "promoted": _moved,
    "rolled-back": _moved,
    "deployed": _deployed,
    "verdict": _verdict,
    "waived": _waived,
    "run-finished": _finished,
    "overridden": _overridden,
    "drifted": _drifted,
    "retrained": lambda left: left.pop("reason", ""),
    "acknowledged": _acknowledged,
}


def _joined(*parts: str) -> str:
    return ", ".join(one for one in parts if one)


def _value(text: str) -> str:
    whole = text.startswith(DIGEST) and len(text) == len(DIGEST) + HEX
    return digest.short(text) if whole else text


def many(count: int, one: str, more: str) -> str:
    """`1 entry`, `2 entries`."""
    return f"{count} {one if count == 1 else more}"


def listed(found: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = found
    return f"{', '.join(first)} and {last}" if first else last
