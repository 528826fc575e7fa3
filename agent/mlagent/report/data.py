"""What the rows look like, column by column, and how far they are from those accepted last."""

from collections.abc import Mapping

from mlagent.core.verdict import Check
from mlagent.measure.drift import column_of_psi
from mlagent.measure.profile import ColumnProfile, Profile
from mlagent.plot.words import number, share, text
from mlagent.report.columns import shape
from mlagent.report.html import absent, details, figures, said, section, table, word
from mlagent.report.run import Missing, Run

DRAWN = 36
OPEN = 40  # rows that a table has before it is folded
HEAD = ("column", "kind", "empty", "empty before", "PSI", "limit", "moved")
PLAIN = 3  # of these columns, where nothing is compared
ABOUT = "{:,} rows; the plots are of a uniform sample of {:,} of them. Sensitive columns are not profiled."


def data(run: Run) -> str:
    """A table of all columns, and plots of those that moved most."""
    if isinstance(run.profile, Missing):
        return section("data", "Data", absent(f"There is no profile of the rows: {run.profile.why}."))
    profile = run.profile
    before = run.accepted if isinstance(run.accepted, Profile) else None
    moved = {column: check for check in run.checks("validate-data") if (column := column_of_psi(check.metric))}
    order = sorted(profile.columns, key=lambda name: -(moved[name].value or 0) if name in moved else 0)
    compared = before is not None or bool(moved)
    rows = [_row(name, profile.columns[name], before, moved)[: None if compared else PLAIN] for name in order]
    listed = table("Columns", HEAD[: None if compared else PLAIN], rows, numbers=(2, 3, 4, 5))
    left = len(order) - DRAWN
    drawn = (shape(name, profile.columns[name], before.columns.get(name) if before else None) for name in order[:DRAWN])
    return section(
        "data",
        "Data",
        said(ABOUT.format(profile.rows, profile.sampled)),
        _compared(run),
        listed if len(rows) <= OPEN else details(f"Table of all {len(rows)} columns", listed),
        figures(drawn, "uneven"),
        said(f"{left} more columns are not drawn; they stand in the table.") if left > 0 else "",
    )


def _compared(run: Run) -> str:
    if isinstance(run.accepted, Profile):
        return said(
            "Each column is compared with the rows accepted last. PSI, the population stability index, is 0 where"
            " nothing moved; 0.1 is a small move, 0.25 a large one."
        )
    return absent(f"They are not drawn beside earlier rows: {run.accepted.why}.")


def _row(
    name: str, one: ColumnProfile, before: Profile | None, moved: Mapping[str, Check]
) -> tuple[str, str, str, str, str, str, str]:
    was = before.columns.get(name) if before else None
    check = moved.get(name)
    kind = "category" if one.categories else "text, by its length" if one.by_length else one.kind or "number"
    return (
        text(name),
        text(kind),
        share(one.nulls, one.rows),
        share(was.nulls, was.rows) if was else "",
        number(check.value) if check else "",
        f"≤ {number(check.threshold)}" if check else "",
        word(check.outcome) if check else "not compared",
    )
