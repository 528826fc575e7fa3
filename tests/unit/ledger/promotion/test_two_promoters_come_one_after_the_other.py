"""Whoever promotes at the same time: the lock decides, and the order of builds stands."""

import random
from concurrent.futures import ThreadPoolExecutor

from mlagent.errors import PolicyRefused
from tests.promotion_house import House

BUILDS, THREADS = 24, 6


def test_of_many_promoters_at_once_the_later_builds_come_and_the_earlier_ones_are_refused() -> None:
    house = House()
    builds = list(range(1, BUILDS + 1))
    random.Random(1).shuffle(builds)  # noqa: S311 - no key is made of it

    def promote(build: int) -> bool:
        try:
            return house.promote(build % 4 + 1, build=build, who=f"build {build}").appended
        except PolicyRefused as error:
            assert "has been promoted there" in error.message
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        came = dict(zip(builds, pool.map(promote, builds), strict=True))
    order = [build for _, _, build in house.moves()]
    assert order == sorted(order)
    assert set(order) == {build for build, appended in came.items() if appended}
    assert order[-1] == BUILDS
    assert house.alias() == BUILDS % 4 + 1
    assert house.found() == ()


def test_the_same_promotion_by_many_at_once_is_told_once() -> None:
    house = House()
    with ThreadPoolExecutor(THREADS) as pool:
        settled = list(pool.map(lambda _: house.promote(1), range(THREADS)))
    assert sum(one.appended for one in settled) == 1
    assert [what for what, _, _ in house.facts()] == ["deployed", "promoted"]
    assert house.found() == ()


def test_promoters_to_several_environments_and_a_way_back_leave_all_as_the_ledger_says() -> None:
    house = House()
    house.promote(1)
    house.promote(2)
    house.promote(1, "production")
    moves = [house.way_back(1, left=2), house.promotion(3, "production"), house.promotion(4), house.promotion(2)]
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(house.settle, one) for one in moves * 3]
        refused = [one.exception() for one in asked]
    assert all(error is None or isinstance(error, PolicyRefused) for error in refused)
    assert house.found() == ()
    assert house.alias("production") == 3
