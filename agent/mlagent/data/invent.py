"""One column's values, made up: within the schema's bounds, else where most of the rows lie, else as it is encoded."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from mlagent.data.encode import Encoding
from mlagent.data.patterns import Draw, drawer
from mlagent.data.schema import Column, Kind, moment
from mlagent.measure.profile import ColumnProfile

NOVEL = 1 / 16  # of the texts are ones that the model never saw
AT_AN_END = 1 / 16  # of the numbers lie at each end
LARGEST = 3e38  # models take numbers as float32
DEVIATIONS = 2  # so far from the mean, where no bound is known
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
DAY = 86_400
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - without a zone, as all moments in the rows
FROM, TO = (datetime(year, 1, 1, tzinfo=UTC).timestamp() / DAY for year in (2000, 2025))  # in days


class Source(msgspec.Struct, frozen=True):
    """What is known of a column: how it is encoded, what the schema says and how its values lie, where these are."""

    encoding: Encoding
    known: Column | None
    profile: ColumnProfile | None

    @property
    def kind(self) -> Kind:
        """The type of its values."""
        return self.encoding.kind

    @property
    def nullable(self) -> bool:
        """Whether a value may be absent."""
        return self.known.nullable if self.known else self.encoding.missing


Random = np.random.Generator
Values = list[Any]


def values(source: Source, count: int, random: Random) -> Values:
    """So many values of the column's type, none absent; some of them may not pass the schema."""
    allowed = source.known.values if source.known else None
    if allowed:
        return _chosen([moment(source.kind, one) for one in allowed], count, random)
    return _DRAWN[source.kind](source, count, random)


def _chosen(among: Values, count: int, random: Random) -> Values:
    return [among[place] for place in random.integers(len(among), size=count)]


def _numbers(source: Source, count: int, random: Random) -> Values:
    low, high = (min(max(end, -LARGEST), LARGEST) for end in _bounds(source, *_encoded(source.encoding)))
    drawn = _with_ends(low + random.random(count) * (high - low), low, high, random)
    return [min(max(float(f"{one:.6g}"), low), high) for one in drawn]


def _integers(source: Source, count: int, random: Random) -> Values:
    low, high = _bounds(source, *_encoded(source.encoding))
    first = math.ceil(low)
    last = max(first, math.floor(high))
    return _with_ends(random.integers(first, last, count, endpoint=True), first, last, random)


def _with_ends(drawn: np.ndarray, low: float, high: float, random: Random) -> Values:
    place = random.random(len(drawn))
    ended = np.where(place < AT_AN_END, low, np.where(place > 1 - AT_AN_END, high, drawn))
    return ended.tolist()  # type: ignore[no-any-return]


def _encoded(one: Encoding) -> tuple[float, float]:
    return one.fill - DEVIATIONS * one.scale, one.fill + DEVIATIONS * one.scale


def _bounds(source: Source, low: float, high: float) -> tuple[float, float]:
    """Both ends, as numbers: the schema's, else those of the profile's deciles, else the ones given."""
    edges = source.profile.edges if source.profile and not source.profile.by_length else ()
    low, high = (edges[0], edges[-1]) if edges else (low, high)
    least, most = _end(source, "min"), _end(source, "max")
    if least is not None:
        low, high = least, max(least, high)
    if most is not None and source.known and source.known.past:
        most = min(most, high)  # the schema's own end may still lie ahead
    if most is not None:
        low, high = min(low, most) if least is None else low, most
    return low, high


def _end(source: Source, name: str) -> float | None:
    """An end that the schema gives; a date in days."""
    bound = getattr(source.known, name, None)
    if bound is None:
        return None
    found = moment(source.kind, bound)
    return _days(found) if isinstance(found, date) else found


def _days(moment_: date) -> float:
    at = moment_ if isinstance(moment_, datetime) else datetime.combine(moment_, datetime.min.time())
    return (at - EPOCH) / timedelta(days=1)


def _booleans(_: Source, count: int, random: Random) -> Values:
    return (random.random(count) < 0.5).tolist()  # type: ignore[no-any-return]


def _dates(source: Source, count: int, random: Random) -> Values:
    low, high = _bounds(source, FROM, TO)
    first = math.ceil(low)
    drawn = random.integers(first, max(first, math.floor(high)), count, endpoint=True)
    return [(EPOCH + timedelta(days=one)).date() for one in drawn.tolist()]


def _datetimes(source: Source, count: int, random: Random) -> Values:
    """Whole seconds, as most systems write them; then the schema's own ends, between which there may be no second."""
    low, high = (round(one * DAY) for one in _bounds(source, FROM, TO))
    drawn = random.integers(low, max(low, high), count, endpoint=True)
    known = source.known or Column(type="datetime")
    ends = [moment(source.kind, one) for one in (known.min, known.max) if one is not None]
    return [EPOCH + timedelta(seconds=one) for one in drawn.tolist()] + ends


def _lists(source: Source, count: int, random: Random) -> Values:
    items, whole = source.encoding.items, bool(source.known and source.known.items == "integer")
    middle, scale = np.array([(one.fill, one.scale) for one in items]).T
    drawn = middle + (2 * random.random((count, len(items))) - 1) * DEVIATIONS * scale
    return (np.round(drawn) if whole else np.round(drawn, 6)).tolist()  # type: ignore[no-any-return]


def _texts(source: Source, count: int, random: Random) -> Values:
    """Categories, now and then a novel one; of a sensitive column none but novel ones."""
    novel = _novel(source, count, random)
    categories = source.encoding.categories
    if not categories or (source.known and source.known.sensitive):
        return novel
    chosen = _chosen(list(categories), count, random)
    odd = random.random(count) < NOVEL
    return [new if is_new else old for new, old, is_new in zip(novel, chosen, odd, strict=True)]


def _novel(source: Source, count: int, random: Random) -> Values:
    """Made-up texts that are none of the categories, where the schema leaves room for such."""
    draw = _draw(source.known or Column(type="text"))
    drawn = [draw(random) for _ in range(count)]
    seen = set(source.encoding.categories)
    return _chosen([one for one in drawn if one not in seen] or drawn, count, random)


def _draw(known: Column) -> Draw:
    least = known.min_length or min(3, known.max_length or 3)
    most = min(known.max_length or least + 9, least + 9)
    if known.pattern is not None:
        try:
            return drawer(known.pattern)
        except ValueError:  # a pattern of an uncommon kind: a text of the right length is what can be had
            pass
    return lambda random: "".join(random.choice(LETTERS, random.integers(least, max(least, most), endpoint=True)))


_DRAWN: Mapping[Kind, Callable[[Source, int, Random], Values]] = {
    "number": _numbers,
    "integer": _integers,
    "boolean": _booleans,
    "text": _texts,
    "date": _dates,
    "datetime": _datetimes,
    "list": _lists,
}
