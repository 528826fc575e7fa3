"""The time line of a rollout: drawn, and told in words."""

import re
from itertools import pairwise
from typing import Any

from mlagent.report.page import page
from mlagent.report.rollout import MOST
from mlagent.report.run import Missing, Moment, Rollout
from tests.unit.report.conftest import Make

CAME = (
    Moment(at=0, phase="begun", old=2, new=0, wanted=2, event="version 8 is wanted"),
    Moment(at=0.4, phase="moving", old=2, new=0, wanted=2),
    Moment(at=9, phase="moving", old=2, new=1, wanted=2, event="risk-b is ready"),
    Moment(at=12, phase="moving", old=1, new=2, wanted=2),
    Moment(at=15, phase="checking", old=0, new=2, wanted=2),
    Moment(at=15.2, phase="done", old=0, new=2, wanted=2, event="all pods answered"),
)


def shown(make: Make, **environments: Any) -> str:
    part = page(make(rollouts=environments)).partition('<section id="rollout"')[2].partition("</section>")[0]
    assert part
    return part


def rollout(*moments: Moment, old: str = "risk version 7") -> Rollout:
    return Rollout(old=old, new="risk version 8", moments=moments)


def texts(part: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", part).split())


def test_a_run_that_deployed_nothing_says_so_and_draws_nothing(make: Make) -> None:
    part = shown(make)
    assert "Nothing was deployed." in part
    assert "<svg" not in part


def test_both_versions_are_drawn_and_every_moment_is_told_in_a_table(make: Make) -> None:
    part = shown(make, staging=rollout(*CAME))
    assert part.count("<svg") == 1
    assert part.count("<path") >= 2
    told = texts(part)
    assert "risk version 8 came (risk version 7 served before); done after 15.2 s. At least 2 pods were ready" in told
    assert part.count('<th scope="row">') == len(CAME)
    assert "all pods answered" in told


def test_pods_come_and_go_in_steps_not_on_slopes(make: Make) -> None:
    paths = re.findall(r'd="(M[^"]+)" fill="none"[^>]*><title>', shown(make, staging=rollout(*CAME)))
    assert len(paths) == 2
    for path in paths:
        points = [tuple(map(float, one.split())) for one in re.split("[ML]", path) if one]
        moves = pairwise(points)
        assert all(before[0] == after[0] or before[1] == after[1] for before, after in moves)


def test_marks_that_would_run_into_each_other_keep_their_line_and_lose_their_words(make: Make) -> None:
    words = re.findall(r"<text[^>]*>([^<]*)</text>", shown(make, staging=rollout(*CAME)))
    assert "moving" in words
    assert "checking" in words
    assert "done" not in words


def test_a_first_release_has_no_line_of_an_old_one(make: Make) -> None:
    part = shown(make, staging=rollout(*(moment for moment in CAME if not moment.old), old=""))
    assert "nothing served before" in part
    assert "old: " not in part


def test_an_environment_of_which_nothing_can_be_told_says_why_beside_one_that_can(make: Make) -> None:
    why = Missing("deploy@production did not run")
    part = shown(make, staging=rollout(*CAME), production=why)
    assert "Nothing is told of production: deploy@production did not run." in part
    assert part.count("<svg") == 1
    assert "Nothing happened in staging" in shown(make, staging=rollout())


def test_a_single_moment_is_told_and_not_drawn(make: Make) -> None:
    part = shown(make, staging=rollout(CAME[-1]))
    assert "<svg" not in part
    assert "all pods answered" in part


def test_of_a_long_time_line_only_quiet_moments_are_left_out(make: Make) -> None:
    quiet = [Moment(at=float(at), phase="moving", old=1, new=1, wanted=2) for at in range(1, 500)]
    told = Moment(at=600, phase="undoing", old=1, new=1, wanted=2, event="crash-loop")
    last = Moment(at=700, phase="undoing", old=1, new=1, wanted=2)
    part = shown(make, staging=rollout(CAME[0], *quiet, told, last))
    assert part.count('<th scope="row">') == 4
    assert "498 quiet moments are left out" in part
    loud = [Moment(at=float(at), phase="moving", old=1, new=1, wanted=2, event=f"e{at}") for at in range(500)]
    assert shown(make, staging=rollout(*loud)).count('<th scope="row">') == MOST


def test_what_an_event_says_is_text(make: Make) -> None:
    hostile = Moment(at=1, phase="<b>", old=1, new=1, wanted=2, event="<script>alert(1)</script>")
    assert "<script" not in shown(make, staging=rollout(CAME[0], hostile))
