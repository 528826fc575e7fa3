"""An environment as it stands, and the way to move what serves there: what all who deploy, soak and go back share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from mlagent.config.environments import Environment
from mlagent.core.ports.cluster import Cluster
from mlagent.core.verdict import Verdict
from mlagent.rollout import hold, judging, readings, soaking, standing
from mlagent.rollout.back import Hands
from mlagent.rollout.drive import Judge, Means, drive, unseen
from mlagent.rollout.hold import SYSTEM, Clock, holder
from mlagent.rollout.look import look, looked
from mlagent.rollout.reasons import Limits
from mlagent.rollout.seen import PodSeen
from mlagent.rollout.standing import Standing
from mlagent.rollout.state import State

__all__ = ["driving", "holder", "holding", "look", "stands"]


def stands(cluster: Cluster, model: str, environment: str) -> Standing:
    """What serves, how many of it are ready, the newest rollout."""
    found = looked(cluster, model)
    return standing.of(found.live, found.seen, environment, cluster.namespace)


def nothing(_: State) -> None:
    """Where there is no record beside the note in the cluster."""


@contextmanager
def holding(
    cluster: Cluster,
    model: str,
    environment: str,
    settings: Environment,
    *,
    who: str,
    say: Callable[[str], None],
    remember: Callable[[State], None] = nothing,
    show: Callable[[str, float, int], None] = unseen,
    clock: Clock = SYSTEM,
) -> Iterator[Means]:
    """Hold the environment for the block, and give what it takes to drive there; Held (21) where another has it."""
    with hold.held(cluster, model, who, say=say, clock=clock) as check:
        yield Means(
            cluster=cluster,
            model=model,
            limits=Limits(progress_seconds=settings.progress_seconds),
            patience_seconds=settings.patience_seconds,
            now=clock.now,
            wait=clock.wait,
            say=say,
            remember=remember,
            show=show,
            held=check,
            judge=judge(cluster, settings, environment),
        )


def judge(cluster: Cluster, settings: Environment, environment: str) -> Judge:
    """By what the target's pods have counted, asked of themselves, about once a second."""
    limits, kept = soaking.limits(settings), [readings.Readings()]

    def judged(pods: Sequence[PodSeen]) -> Verdict | None:
        kept[0] = readings.read(cluster, pods, kept[0])
        return judging.while_it_comes(kept[0], limits, environment)

    return judged


@contextmanager
def driving(
    cluster: Cluster,
    model: str,
    environment: str,
    settings: Environment,
    *,
    who: str,
    say: Callable[[str], None],
    clock: Clock = SYSTEM,
) -> Iterator[Hands]:
    """The same for the way back, which needs no manifest: the cluster keeps the older templates."""
    with holding(cluster, model, environment, settings, who=who, say=say, clock=clock) as means:
        yield hands(means, environment)


def hands(means: Means, environment: str) -> Hands:
    """What `back` works with."""
    return Hands(
        read=lambda: stands(means.cluster, means.model, environment),
        drive=lambda state: drive(means, state).state,
        now=lambda: means.now().isoformat(timespec="milliseconds"),
    )
