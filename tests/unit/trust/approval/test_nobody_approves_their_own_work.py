"""Whose work a release is, by its authors and by who started its build, and what speaks against a person's approval."""

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlagent.core.context import Author
from mlagent.core.ports.approvals import Started
from mlagent.trust.approval.separation import Responsible, against, responsible
from mlagent.trust.policy import Approvals

RULES = Approvals(approvers=("ann", "bob", "carl"), robots=("timer-bot", "renovate"), answerable=("carl",))
UNANSWERED = msgspec.structs.replace(RULES, answerable=())
NAMES = {"ann": ("ann@example.org", "Ann@Home.example"), "bob": ("bob@example.org",), "renovate": ("bot@example.org",)}
PUSH, TIMER = Started(kinds=("BranchEventCause",)), Started(kinds=("TimerTriggerCause",))


def by(*people: str, commit: str = "a1b2c3d4e5f6" + "0" * 28) -> list[Author]:
    return [Author(commit=commit, email=f"{one}@example.org", name=one) for one in people]


def people(authors: list[Author], started: Started, rules: Approvals = RULES) -> Mapping[str, str]:
    return responsible(authors, started, rules, NAMES).ids


def test_an_author_is_who_the_policy_says_the_e_mail_is_of_in_any_letters() -> None:
    other = Author(commit="f" * 40, email=" ANN@home.EXAMPLE", name="whoever")
    assert people([*by("ann"), other], PUSH) == {"ann": "author of a1b2c3d4e5f6, ffffffffffff"}
    many = [one for number in range(9) for one in by("ann", commit=f"{number}" * 40)]
    assert people(many, PUSH)["ann"].endswith(" and 6 more")


@pytest.mark.parametrize(
    ("started", "expected"),
    [
        (Started(users=("bob",), kinds=("UserIdCause",)), {"bob": "started the build"}),
        (Started(users=("timer-bot", "bob"), kinds=("UserIdCause",)), {"bob": "started the build"}),
        (Started(users=("Timer-Bot",), kinds=("UserIdCause",)), {"carl": "answers for builds that nobody started"}),
        (Started(users=("anonymous",), kinds=("UserIdCause",)), {"carl": "answers for builds that nobody started"}),
        (TIMER, {"carl": "answers for builds that nobody started"}),
        (Started(kinds=("UpstreamCause", "SCMTriggerCause")), {"carl": "answers for builds that nobody started"}),
        (Started(), {"carl": "answers for builds that nobody started"}),
        (PUSH, {"carl": "answers for builds that nobody started"}),
    ],
)
def test_a_retrain_is_of_who_started_it_else_of_who_answers_for_it(
    started: Started, expected: Mapping[str, str]
) -> None:
    assert people([], started) == expected


@pytest.mark.parametrize("kind", ["SCMTriggerCause", "BranchEventCause", "BranchIndexingCause", "GitHubPushCause"])
def test_a_push_is_of_those_who_wrote_it_alone(kind: str) -> None:
    assert set(people(by("ann"), Started(kinds=(kind,)))) == {"ann"}
    assert set(people(by("ann"), Started(kinds=(kind, "TimerTriggerCause")))) == {"ann", "carl"}
    assert set(people(by("bot"), Started(kinds=(kind,)))) == {"renovate", "carl"}, "a program answers for nothing"
    by_program = Started(users=("timer-bot",), kinds=(kind,))
    assert set(people(by("ann"), by_program)) == {"ann", "carl"}, "a program that says it pushed is a program"


def test_a_timer_that_brings_new_commits_is_of_both() -> None:
    assert set(people(by("ann"), TIMER)) == {"ann", "carl"}


def test_who_wrote_and_started_it_has_both_reasons() -> None:
    found = people(by("bob"), Started(users=("bob",), kinds=("UserIdCause",)))
    assert found == {"bob": "author of a1b2c3d4e5f6, started the build"}


def reasons(who: str, found: Responsible, rules: Approvals = RULES, earlier: tuple[str, ...] = ()) -> str:
    return "; ".join(against(who, rules, found, earlier))


def test_who_has_no_part_in_it_may_approve() -> None:
    assert reasons("bob", responsible(by("ann"), PUSH, RULES, NAMES)) == ""


@pytest.mark.parametrize(
    ("who", "authors", "started", "said"),
    [
        ("eve", ["ann"], PUSH, "eve is none of the approvers (ann, bob, carl)"),
        ("", ["ann"], PUSH, "nobody is none of the approvers"),
        ("ann", ["ann"], PUSH, "ann has a part in it (author of a1b2c3d4e5f6)"),
        ("bob", ["ann"], Started(users=("BOB",), kinds=("UserIdCause",)), "bob has a part in it (started the build)"),
        ("carl", [], TIMER, "carl has a part in it (answers for builds that nobody started)"),
        ("bob", ["mallory"], PUSH, "whose these authors' e-mails are: mallory@example.org (a1b2c3d4e5f6)"),
    ],
)
def test_every_rule_that_is_broken_is_said(who: str, authors: list[str], started: Started, said: str) -> None:
    assert said in reasons(who, responsible(by(*authors), started, RULES, NAMES))


def test_an_id_in_other_letters_is_no_approver_and_hides_nobodys_part() -> None:
    said = reasons("ANN", responsible(by("ann"), PUSH, RULES, NAMES))
    assert "ANN is none of the approvers" in said
    assert "ANN has a part in it" in said


def test_the_same_person_approves_once() -> None:
    found = responsible(by("ann"), PUSH, RULES, NAMES)
    assert reasons("bob", found, earlier=("Bob",)) == "bob has approved it already"


@pytest.mark.parametrize(
    ("authors", "started"), [([], TIMER), (["bot"], PUSH), ([], Started(users=("timer-bot",), kinds=("UserIdCause",)))]
)
def test_what_only_programs_did_is_refused_where_nobody_answers_for_it(authors: list[str], started: Started) -> None:
    found = responsible(by(*authors), started, UNANSWERED, NAMES)
    assert reasons("bob", found, UNANSWERED).startswith("nobody answers for it")


def test_an_author_without_an_e_mail_stops_it_and_what_is_shown_is_plain() -> None:
    odd = [Author(commit="c" * 40, email="", name=""), Author(commit="d" * 40, email="\x1b[2J<b>x", name="")]
    said = reasons("bob", responsible(odd, PUSH, RULES, NAMES))
    assert "no e-mail (cccccccccccc)" in said
    assert said.isprintable()
    assert "<" not in said
    many = [Author(commit="e" * 40, email=f"{number}@x.example") for number in range(9)]
    assert reasons("bob", responsible(many, PUSH, RULES, NAMES)).endswith(" and 6 more")


WHO = st.sampled_from(["ann", "bob", "carl", "eve", "renovate", "timer-bot", "ANN", "anonymous", ""])
MAIL = st.sampled_from(["ann", "bob", "bot", "mallory"])
KINDS = st.lists(st.sampled_from(["UserIdCause", "TimerTriggerCause", "SCMTriggerCause", "UpstreamCause"])).map(tuple)
STARTS = st.builds(Started, users=st.lists(WHO, max_size=3).map(tuple), kinds=KINDS)


@given(WHO, st.lists(MAIL, max_size=4), STARTS, st.lists(WHO, max_size=2), st.sampled_from([RULES, UNANSWERED]))
def test_whatever_happened_who_may_approve_is_an_approver_without_a_part(
    who: str, authors: list[str], started: Started, earlier: list[str], rules: Approvals
) -> None:
    found = responsible(by(*authors), started, rules, NAMES)
    if against(who, rules, found, earlier):
        return
    mine = {one.partition("@")[0] for one in NAMES.get(who, ())}
    assert who in rules.approvers
    assert not mine & set(authors)
    assert who not in {one.lower() for one in (*started.users, *earlier)}
    assert "mallory" not in authors
    assert set(found.ids) - set(rules.robots), "somebody answers for it"
