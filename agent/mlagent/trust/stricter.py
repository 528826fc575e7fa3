"""An environment may ask for more than the whole platform, and for nothing less."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from mlagent.trust.policy import STRICT, Approvals, Asked, Required, Rules

Path = tuple[str, ...]


def laxer(rules: Rules, below: Rules) -> Iterator[tuple[Path, str]]:
    """Each rule of an environment that asks for less than the file, by its path, with the reason."""
    if rules.verdicts is not UNSET:
        for name, one in rules.verdicts.items():
            yield from _laxer_verdict(name, one, verdicts(below).get(name))
    if rules.require is not UNSET:
        there = Required() if below.require is UNSET else below.require
        for name in Required.__struct_fields__:
            if getattr(there, name) and not getattr(rules.require, name):
                yield ("require", name), "false is laxer than the policy, which says true"
    if below.transparency_log is True and rules.transparency_log is False:
        yield ("transparency_log",), "false is laxer than the policy, which says true"
    if rules.approvals is not UNSET and below.approvals is not UNSET:
        yield from ((("approvals", name), why) for name, why in _laxer_people(rules.approvals, below.approvals))


def _laxer_verdict(name: str, one: Asked, there: Asked | None) -> Iterator[tuple[Path, str]]:
    if there is None:
        return
    if one.max_age_days > there.max_age_days:
        why = f"{one.max_age_days:g} is laxer than the policy, which says {there.max_age_days:g}"
        yield ("verdicts", name, "max_age_days"), why
    if one.accept_expired and not there.accept_expired:
        yield ("verdicts", name, "accept_expired"), "true is laxer than the policy, which says false"


def _laxer_people(one: Approvals, there: Approvals) -> Iterator[tuple[str, str]]:
    for name in ("approvers", "override"):
        if more := sorted({*getattr(one, name)} - {*getattr(there, name)}):
            yield name, f"{', '.join(more)} may not, by the policy"
    if {*one.robots} != {*there.robots}:
        yield "robots", "what is a program is one everywhere: leave it out here"
    if one.answerable and not there.answerable:
        yield "answerable", "by the policy nobody answers for a build that nobody started: name them there"
    elif one.answerable and (fewer := sorted({*there.answerable} - {*one.answerable})):
        yield "answerable", f"{', '.join(fewer)} answers for it as well, by the policy"
    if one.count < there.count:
        yield "count", f"{one.count} is laxer than the policy, which says {there.count}"
    if one.hours > there.hours:
        yield "hours", f"{one.hours:g} is laxer than the policy, which says {there.hours:g}"
    if one.outside_jenkins and not there.outside_jenkins:
        yield "outside_jenkins", "true is laxer than the policy, which says false"
    if there.controller and one.controller != there.controller:
        yield "controller", f"the policy says {there.controller}"


def verdicts(below: Rules) -> Mapping[str, Asked]:
    """The file's, the strict default's where it names none."""
    found = STRICT.verdicts if below.verdicts is UNSET else below.verdicts
    return {} if found is UNSET else found
