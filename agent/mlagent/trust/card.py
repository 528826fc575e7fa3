"""The model card: what a release is for, how good, how fair and how sure, and where it comes from; for people.

After Mitchell et al. 2019, https://arxiv.org/abs/1810.03993: what was measured is taken from the run, what only people
know from the section `card`, and what nobody said is called that.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from mlagent.config.card import Card
from mlagent.core.digest import of_bytes, short
from mlagent.core.verdict import Check, Verdict
from mlagent.plot.words import cell, number
from mlagent.trust import measured, record
from mlagent.trust.measured import Evaluation, table
from mlagent.trust.record import Record

FILE = "model-card.md"
NOT_STATED = "*Not stated: set `card.{}`.*"
COLUMNS = 60  # that are named
TASKS = {
    "binary": "the probability that it is 1",
    "multiclass": "the probability of each class",
    "regression": "the number that is expected",
    "count": "how often it is expected to come",
}


class Column(msgspec.Struct, frozen=True):
    """A column that the model takes."""

    column: str
    kind: str = "number"


class Shape(msgspec.Struct, frozen=True):
    """What a card shows of `shape.json`."""

    encoding: tuple[Column, ...] = ()
    classes: int = 0


class Known(NamedTuple):
    """What a card is written of; `target` is the column to predict, `divided` says how the rows were divided."""

    record: Record
    evaluation: Evaluation
    shape: Shape
    verdicts: Sequence[Verdict]
    said: Card
    target: str
    divided: str

    def checks(self, subject: str) -> list[Check]:
        """Those of the verdict on a subject."""
        return [check for one in self.verdicts if one.subject == subject for check in one.checks]


def write(known: Known) -> bytes:
    """The card in Markdown; the same release and the same words give the same bytes."""
    made = known.record
    version = f" version {made.mlflow.version}" if made.mlflow.version is not None else ""
    parts = [
        f"# Model card: {cell(made.model)}{version}",
        _about(made),
        *_section("What it is for", _purpose(known)),
        *_section("The model", _model(known)),
        *_section("The data", _data(known)),
        *_section("How good it is", measured.metrics(known.evaluation)),
        *_section("How groups of people are treated", _fair(known)),
        *_section("Limits", _limits(known)),
        *_section("How fast it answers", _latency(known)),
        *_section("How it was judged", _judged(made)),
        *_section("Where it comes from", _origin(made)),
        *_section("How to verify this", _verify(made)),
    ]
    return ("\n\n".join(parts) + "\n").encode()


def _about(made: Record) -> str:
    release, written = short(made.release), of_bytes(record.write(made))
    said = f"Release {release} of run {made.run}, build {made.build}. Written by mlagent from the release record"
    return f"{said} `{written}`: every figure below is that of the run; change none by hand."


def _section(title: str, parts: Iterator[str]) -> Iterator[str]:
    """Points of one list stand close together."""
    yield f"## {title}"
    points: list[str] = []
    for part in parts:
        if part.startswith("- "):
            points.append(part)
            continue
        if points:
            yield "\n".join(points)
            points = []
        yield part
    if points:
        yield "\n".join(points)


def _stated(known: Known, key: str) -> str:
    """What the team wrote, or that it wrote nothing."""
    return cell(getattr(known.said, key)) or NOT_STATED.format(key)


def _purpose(known: Known) -> Iterator[str]:
    yield f"- **Intended use**: {_stated(known, 'intended_use')}"
    yield f"- **Not for**: {_stated(known, 'not_for')}"
    yield f"- **Who answers for it**: {_stated(known, 'owner')}"


def _model(known: Known) -> Iterator[str]:
    found, columns = known.evaluation, known.shape.encoding
    yield f"- It predicts {cell(known.target)}: {TASKS.get(found.task, cell(found.task))}."
    if known.shape.classes > 2:
        yield f"- It knows {known.shape.classes} classes."
    if found.threshold is not None:
        by = f", chosen by {cell(found.threshold_by)}" if found.threshold_by else ""
        yield f"- From {number(found.threshold)} on it counts as 1{by}."
    names = ", ".join(f"{cell(one.column)} ({one.kind})" for one in columns[:COLUMNS])
    more = f" and {len(columns) - COLUMNS} more" if len(columns) > COLUMNS else ""
    yield f"- It takes {len(columns)} columns: {names}{more}."
    yield f"- ONNX file: `{known.record.onnx}`"
    if image := known.record.image:
        yield f"- Image: `{image.repository}@{image.digest}`"
    else:
        yield "- Image: none was pushed."


def _data(known: Known) -> Iterator[str]:
    rows = max((one.samples for one in known.checks("data")), default=0)
    yield f"- **What the rows are**: {_stated(known, 'data')}"
    yield f"- Rows: {f'{rows:,}' if rows else 'not counted'}, {known.evaluation.rows:,} of them kept for the test."
    yield f"- {known.divided}"
    yield f"- Digest: `{known.record.data}`"
    yield from (f"- {cell(note)}" for one in known.verdicts if one.subject == "data" for note in one.notes)


def _fair(known: Known) -> Iterator[str]:
    yield from measured.fairness(known.evaluation, known.checks("gate"))
    yield from (f"- {cell(note)}" for one in known.verdicts if one.subject == "gate" for note in one.notes)


def _limits(known: Known) -> Iterator[str]:
    yield f"- {_stated(known, 'limits')}"
    yield from measured.slices(known.evaluation)
    weak = [(one.subject, check) for one in known.verdicts for check in one.checks if check.outcome != "pass"]
    if weak:
        yield "Checks that are no plain pass:"
        rows = [(cell(subject), cell(check.reason), check.outcome) for subject, check in weak]
        yield table(("of", "what was found", "outcome"), rows)


def _latency(known: Known) -> Iterator[str]:
    checks = known.checks("load-test")
    if not checks:
        yield "It was not load-tested."
        return
    rows = [
        (
            cell(one.metric),
            f"{number(one.value)} {one.unit}".rstrip(),
            f"{one.comparison} {number(one.threshold)} {one.unit}".rstrip(),
            f"{one.samples:,}",
            one.outcome,
        )
        for one in checks
    ]
    yield table(("what", "measured", "limit", "of", "outcome"), rows)


def _judged(made: Record) -> Iterator[str]:
    rows = [(cell(one.stage), cell(one.subject), one.outcome, one.ended, f"`{one.digest}`") for one in made.verdicts]
    yield table(("stage", "verdict on", "outcome", "when", "digest"), rows)
    if made.waivers:
        yield "Checks that somebody answers for:"
        waived = [(cell(one.check), cell(one.owner), cell(one.reason), one.expires) for one in made.waivers]
        yield table(("check", "who", "why", "until"), waived)
    else:
        yield "No check was waived."


def _origin(made: Record) -> Iterator[str]:
    changed = ", with changes that no commit has" if made.dirty else ""
    yield f"- Commit: {f'`{made.commit}`{changed}' if made.commit else 'none: not built from a checkout'}"
    for name, value in (("Author", made.author), ("Repository", made.repository), ("Built by", made.builder)):
        yield f"- {name}: {cell(value) or 'not known'}"
    digests = {
        "Sources": made.sources,
        "Configuration": made.config,
        "Serving environment": made.lock,
        "Bill of materials": made.sbom,
        "Provenance": made.provenance,
    }
    yield from (f"- {name}: `{value}`" for name, value in digests.items() if value)
    yield f"- Signed by: {cell(made.signed_by) or 'nobody'}"


def _verify(made: Record) -> Iterator[str]:
    yield f"`sha256sum {record.FILE}` gives the record's digest above; the ledger names it where the release goes."
    if made.image:
        yield f"`mlagent verify {made.image.repository}@{made.image.digest}` reads signature and attestations back."
    yield "`mlagent evidence` packs all of it, with a program that verifies it without mlagent."
