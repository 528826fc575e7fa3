"""What a policy says of people: ids as Jenkins takes them, and what can be wrong with whom it names."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from urllib.parse import urlsplit

from mlagent.trust.policy import Approvals

Fault = tuple[tuple[str, ...], str]
LISTS = ("approvers", "override", "robots", "answerable")
EVERYBODY = ("anonymous", "authenticated", "everyone", "system", "unknown")


def same(name: str) -> str:
    """Names and e-mails that differ only by large and small letters are one person's, as in Jenkins."""
    return name.strip().casefold()


def faults(rules: Approvals, authors: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    """What cannot be meant, by the key below `approvals`, with the reason."""
    for name in LISTS:
        yield from (((name,), why) for why in _ids(getattr(rules, name)))
    if rules.count > len(rules.approvers):
        yield ("count",), f"{rules.count} people have to agree, and {len(rules.approvers)} may"
    for name in ("approvers", "override", "answerable"):
        for one in getattr(rules, name):
            if same(one) in map(same, rules.robots):
                yield (name,), f"{one!r} is a program by `robots`, and a program answers for nothing"
    spelled = [(name, one) for name in LISTS for one in getattr(rules, name)] + [("approvers", one) for one in authors]
    for (name, one), (_, other) in combinations(spelled, 2):
        if one != other and same(one) == same(other):
            yield (name,), f"{one!r} and {other!r} are one person to Jenkins: spell them one way"
    if rules.controller and not _address(rules.controller):
        yield ("controller",), f"{rules.controller!r} is no address of a controller, such as https://jenkins.example/"


def doubled(authors: Mapping[str, tuple[str, ...]]) -> Iterator[Fault]:
    """The same below `authors`: an id or an e-mail that stands twice names two people's work as one's."""
    owners: dict[str, str] = {}
    for who, emails in authors.items():
        yield from (((who,), why) for why in _ids((who,)))
        for one in emails:
            other = owners.setdefault(same(one), who)
            if other != who:
                yield (who,), f"{one!r} is that of {other!r} already: one e-mail is one person's"
    for one, other in combinations(authors, 2):
        if same(one) == same(other):
            yield (other,), f"{one!r} and {other!r} are one person to Jenkins: put their e-mails below one"


def _ids(names: tuple[str, ...]) -> Iterator[str]:
    for at, one in enumerate(names):
        if same(one) in EVERYBODY:
            yield f"{one!r} is no person: name each one, by the id of their user in Jenkins"
        if "," in one or one != one.strip() or not one.isprintable():
            yield f"{one!r} is no id of a user: Jenkins takes no comma, and no blank around it"
        if one in names[:at]:
            yield f"{one!r} stands twice"


def _address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and known
