"""What the checks are called that hold rows against those accepted last: for who judges, and for who tells of it."""

import re

_PSI = re.compile(r"PSI of (.+) against the rows accepted last", re.DOTALL)
_OTHERS = re.compile(r"(growth of the share of empty|changed categories of) .+", re.DOTALL)


def psi(column: str) -> str:
    """Of how far a column's distribution has moved."""
    return f"PSI of {column} against the rows accepted last"


def emptier(column: str) -> str:
    """Of how many more of a column's values are empty."""
    return f"growth of the share of empty {column}"


def categories(column: str, said: str) -> str:
    """Of categories that are new or gone; `said` names them."""
    return f"changed categories of {column} ({said})"


def column_of_psi(metric: str) -> str | None:
    """The column whose distribution is meant; None for another check."""
    found = _PSI.fullmatch(metric)
    return found[1] if found else None


def is_drift(metric: str) -> bool:
    """Whether a check of this name says that rows have moved away from those accepted last."""
    return column_of_psi(metric) is not None or _OTHERS.fullmatch(metric) is not None
