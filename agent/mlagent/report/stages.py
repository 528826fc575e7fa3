"""What ran, how it ended, how long it took, and what was taken from another run."""

from datetime import datetime

from mlagent.plot.axes import Axis
from mlagent.plot.spans import Span, spans
from mlagent.plot.words import text
from mlagent.report.html import code, figure, said, section, table, word
from mlagent.report.run import Ran, Run


def stages(run: Run) -> str:
    """The table, and the line of time of this attempt."""
    rows = [(text(one.name), word(one.state), _seconds(one), _from(one, run), _says(one)) for one in run.stages]
    head = ("stage", "state", "seconds", "made by", "what it says")
    return section("stages", "Stages", table("Stages in order", head, rows, numbers=(2,), wide=4), _timeline(run))


def _seconds(one: Ran) -> str:
    return "" if one.seconds is None or one.reused_from else f"{one.seconds:.1f}"


def _from(one: Ran, run: Run) -> str:
    if one.state in ("not run", "skipped", "off"):
        return ""
    if one.reused_from and one.reused_from != run.run_id:
        return f"reused from run {code(one.reused_from)}"
    if one.reused_from:
        return "reused: nothing that it depends on changed"
    return "this attempt" if one.attempt == run.attempt else f"attempt {one.attempt}, kept"


def _says(one: Ran) -> str:
    hint = (
        f' <span class="hint">Hint: {text(one.hint)}</span>'
        if one.hint and one.state not in ("done", "running")
        else ""
    )
    return text(one.summary) + hint


def _timeline(run: Run) -> str:
    ran = [one for one in run.stages if one.attempt == run.attempt and one.seconds and not one.reused_from]
    if not ran:
        return said("In this attempt nothing was computed: every result was known already.")
    first = min(_moment(one.started) for one in ran)
    rows = [
        Span(one.name, (_moment(one.started) - first).total_seconds(), one.seconds or 0, _long(one.seconds or 0))
        for one in ran
    ]
    end = max(one.start + one.length for one in rows)
    title = f"When each stage ran: attempt {run.attempt}, {_long(end)} in all"
    return figure(title, spans(title, rows, Axis("seconds since the first stage began", 0, end)))


def _long(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)
