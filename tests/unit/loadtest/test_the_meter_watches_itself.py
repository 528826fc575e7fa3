"""How busy the meter was, and that its clocks agreed, from clocks that are handed in."""

import pytest

from mlagent.loadtest.watch import Watch


class Clocks:
    """Clocks that stand until they are moved."""

    def __init__(self) -> None:
        self.wall, self.steady, self.busy = 1_000_000.0, 50.0, 3.0
        self.watch = Watch(wall=lambda: self.wall, steady=lambda: self.steady, busy=lambda: self.busy)

    def go(self, seconds: float, busy: float = 0.0, jump: float = 0.0) -> None:
        """Look every 0.2 s, `seconds` long, of which a part is `busy`; the wall clock jumps at the end."""
        for _ in range(round(seconds / 0.2)):
            self.steady += 0.2
            self.wall += 0.2
            self.busy += 0.2 * busy
            self.watch.look()
        self.wall += jump
        self.watch.look()


def test_the_share_is_of_all_the_time_and_the_highest_of_the_worst_second() -> None:
    clocks = Clocks()
    clocks.go(5, busy=0.2)
    clocks.go(1, busy=0.95)
    clocks.go(4, busy=0.2)
    assert clocks.watch.share == pytest.approx(0.275)
    assert clocks.watch.highest == pytest.approx(0.95)


def test_what_came_before_the_load_does_not_count() -> None:
    clocks = Clocks()
    clocks.go(3, busy=1.0, jump=5)
    clocks.watch.begin()
    clocks.go(2, busy=0.1)
    assert clocks.watch.share == pytest.approx(0.1)
    assert clocks.watch.highest == pytest.approx(0.1)
    assert clocks.watch.jump < 1e-6


def test_a_load_shorter_than_a_second_has_a_highest_share_too() -> None:
    clocks = Clocks()
    clocks.go(0.4, busy=0.5)
    assert clocks.watch.highest == pytest.approx(0.5)
    assert Clocks().watch.share == 0


@pytest.mark.parametrize("jump", [2.5, -2.5], ids=["set forward, or suspended", "set back"])
def test_a_clock_that_jumps_is_seen_whatever_its_direction(jump: float) -> None:
    clocks = Clocks()
    clocks.go(2)
    clocks.go(1, jump=jump)
    clocks.go(2)
    assert clocks.watch.jump == pytest.approx(2.5)


def test_a_clock_that_is_slowly_set_right_does_not_jump() -> None:
    clocks = Clocks()
    for _ in range(1000):
        clocks.go(0.2, jump=0.0001)  # the 500 parts in a million that time daemons allow themselves
    assert clocks.watch.jump < 0.001
