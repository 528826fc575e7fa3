"""What an environment serves, by the notes on its Deployment and its pods."""

import pytest

from mlagent.errors import InputError
from mlagent.rollout.names import HISTORY, ROLLOUT
from mlagent.rollout.seen import Seen
from mlagent.rollout.standing import find, of
from tests.rollout_house import deployment, placed, pods, release, standing, state


def test_without_a_deployment_nothing_runs() -> None:
    found = of(None, Seen(exists=False), "staging", "risk-staging")
    assert (found.exists, found.placed, found.before) == (False, None, None)


def test_what_came_last_serves_with_its_ready_pods() -> None:
    found = standing("p2", [placed(2), placed(1)], state(2, 1), ready=1)
    assert found.placed == placed(2)
    assert (found.ready, found.wanted, found.moving, found.strange) == (1, 2, None, "")


def test_while_another_comes_the_one_before_it_serves() -> None:
    seen = Seen(exists=True, template="p2", wanted=2, pods=(*pods("p1", 2), *pods("p2", 1)))
    found = of(deployment([placed(1)], state(2, 1, phase="moving")), seen, "staging", "risk-staging")
    assert found.placed == placed(1)
    assert found.ready == 2
    assert found.moving is not None


def test_while_the_first_one_comes_nothing_serves_yet() -> None:
    seen = Seen(exists=True, template="p1", wanted=2, pods=pods("p1", 1, 1))
    found = of(deployment([], state(1, phase="moving")), seen, "staging", "risk-staging")
    assert found.placed is None
    assert found.strange == "nothing that has come in full yet"
    assert found.ready == 1


def test_a_template_of_which_no_note_tells_is_called_strange() -> None:
    assert standing("p9", [placed(1)]).strange == "template p9"
    assert standing("", [placed(1)]).strange == "a template that mlagent did not write"


def test_before_it_served_what_came_before_in_order_and_never_what_was_left_by_a_rollback() -> None:
    assert standing("p3", [placed(3), placed(2), placed(1)]).before == placed(2)
    assert standing("p2", [placed(2), placed(3), placed(1)]).before == placed(1)
    assert standing("p1", [placed(1), placed(2)]).before is None
    assert standing("p9", [placed(1)]).before is None


@pytest.mark.parametrize("note", [HISTORY, ROLLOUT])
def test_a_note_that_was_edited_is_named(note: str) -> None:
    there = deployment([placed(1)], state(1))
    there["metadata"]["annotations"][note] = '{"kind": 7'
    with pytest.raises(InputError, match=note) as raised:
        of(there, Seen(exists=True), "staging", "risk-staging")
    assert "on the Deployment risk is not as mlagent writes it" in raised.value.message


@pytest.mark.parametrize("wanted", ["2", "v2", "p2", release(2).digest, "sha256:" + f"{2:064x}", f"{2:064x}"])
def test_a_person_names_a_release_by_version_digest_or_placement(wanted: str) -> None:
    assert find([placed(3), placed(2), placed(1)], wanted) == placed(2)


def test_a_name_of_nothing_or_of_several_is_refused_with_what_there_is() -> None:
    known = [placed(3), placed(2)]
    with pytest.raises(InputError, match="'7' has not served here in full") as none:
        find(known, "7")
    assert none.value.hint == f"what has, the newest first: {release(3)}, {release(2)}"
    with pytest.raises(InputError, match="'000000' may be any of"):
        find(known, "000000")
    with pytest.raises(InputError, match="has not served here"):
        find(known, "0000")
    with pytest.raises(InputError, match="'1' has not served") as nothing:
        find([], "1")
    assert nothing.value.hint.endswith("nothing")


def test_of_two_placements_of_one_release_the_newer_is_meant() -> None:
    other = placed(2).__class__(id="p2b", release=release(2), since="")
    assert find([other, placed(2)], "2") is other
