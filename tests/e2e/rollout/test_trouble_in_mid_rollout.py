"""In the middle of a rollout the cluster goes away, deployers come in twos and die, and people lay hands on it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import house
from tests.cluster.deployer import Deployer, deploying
from tests.cluster.house import until
from tests.cluster.load import loading
from tests.cluster.scene import MODEL, Scene, scene, watching
from tests.conftest import Cli
from tests.parts.registry import Registry

BASE = Path(os.environ["MLAGENT_TEST_BASE"])
AWAY_SECONDS = 20
HELD, UNDONE = 21, 30


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), registry, BASE) as made:
        yield made


@pytest.fixture
def placed(made: Scene) -> Scene:
    """Version 1 serves in full, whatever a test before has left."""
    made.comes(made.wanted("serves", 1), overwrite=True)
    return made


@pytest.fixture
def stuck(placed: Scene, tmp_path: Path) -> Iterator[Deployer]:
    """A deployer of version 2, whose first pod does not get ready for as long as the test likes."""
    wanted = placed.wanted("never_ready", 2, progress_seconds=300)
    with deploying(wanted, placed.kubeconfig, tmp_path) as deployer:
        deployer.says("moving: ready are 0 of version 2 and 2 of version 1")
        yield deployer


def test_the_cluster_goes_away_and_comes_again_and_so_does_the_rollout(placed: Scene, tmp_path: Path) -> None:
    wanted = placed.wanted("serves", 2)
    with (
        loading(placed.url(), tmp_path / "out.json", rate=30, keep_alive=False) as load,
        watching(placed) as watch,
        deploying(wanted, placed.kubeconfig, tmp_path) as deployer,
    ):
        deployer.says("moving: ready are")
        with house.api_server_away():
            time.sleep(AWAY_SECONDS)
        assert deployer.ends() == 0, deployer.said
        time.sleep(1)
        report = load.stop()
    assert sum("waiting for it up to 60 s" in line for line in deployer.said) == 1, deployer.said
    assert sum("the cluster answers again, after" in line for line in deployer.said) == 1
    assert placed.serving() == {"2": 2}
    assert watch.missed > 0
    assert min(watch.reached) >= 2
    assert report.failed == ()
    assert set(report.versions) == {"1", "2"}


def test_the_second_of_two_deployers_is_told_who_is_at_work(placed: Scene, stuck: Deployer, tmp_path: Path) -> None:
    before = placed.live()["spec"]
    with deploying(placed.wanted("serves", 3), placed.kubeconfig, tmp_path, "second") as second:
        assert second.ends() == HELD
        last = second.said[-1]
    assert f"process {stuck.process.pid} on " in last
    assert f"deployer {stuck.process.pid} is at work on {MODEL} in {placed.room}, since " in last
    assert placed.live()["spec"] == before


def test_who_comes_after_a_deployer_that_was_killed_goes_on_in_its_place(placed: Scene, tmp_path: Path) -> None:
    wanted = placed.wanted("serves", 2)
    with watching(placed) as watch, deploying(wanted, placed.kubeconfig, tmp_path) as first:
        first.says("moving: ready are")
        first.process.kill()
        first.process.wait()
        with deploying(wanted, placed.kubeconfig, tmp_path, "second") as second:
            second.says("going on with the rollout that was begun at ")
            assert second.ends() == 0, second.said
    assert not any("looking for up to" in line for line in second.said)  # no lease had to run out
    assert placed.serving() == {"2": 2}
    assert min(watch.reached) >= 2


def test_another_release_after_a_killed_deployer_takes_back_first_what_was_half_done(
    placed: Scene, stuck: Deployer, tmp_path: Path
) -> None:
    stuck.process.kill()
    stuck.process.wait()
    with watching(placed) as watch, deploying(placed.wanted("serves", 3), placed.kubeconfig, tmp_path, "next") as third:
        assert third.ends() == 0, third.said
    assert any("was left half done (moving): ending it first" in line for line in third.said), third.said
    assert placed.serving() == {"3": 2}
    assert min(watch.reached) >= 2


def test_an_image_set_by_hand_is_named_and_taken_back(placed: Scene, stuck: Deployer) -> None:
    with watching(placed) as watch:
        house.admin("set", "image", f"deployment/{MODEL}", f"server={placed.image('serves', 3)}", "-n", placed.room)
        assert stuck.ends() == UNDONE, stuck.said
    assert "an edit by hand: kubectl-set has set spec.template.spec.containers[name=server].image" in stuck.said[-1]
    (server,) = placed.live()["spec"]["template"]["spec"]["containers"]
    assert server["image"] == placed.image("serves", 1)
    assert watch.fewest(1) == 2
    assert placed.serving() == {"1": 2}


def test_a_number_of_pods_set_by_hand_is_told_and_let_be(placed: Scene, tmp_path: Path) -> None:
    with deploying(placed.wanted("serves", 2), placed.kubeconfig, tmp_path) as deployer:
        deployer.says("moving: ready are")
        house.admin("scale", f"deployment/{MODEL}", "--replicas=4", "-n", placed.room)
        until(lambda: any(", 4 are wanted" in line for line in deployer.said))
        house.admin("patch", "deployment", MODEL, "--patch", '{"spec": {"replicas": 3}}', "-n", placed.room)
        assert deployer.ends() == 0, deployer.said
    assert any(line.startswith("edited by hand: kubectl-patch has set spec.replicas at ") for line in deployer.said)
    assert placed.serving() == {"2": 3}


class Person:
    """Somebody with the command, in a project that says where staging is."""

    def __init__(self, placed: Scene, cli: Cli, folder: Path) -> None:
        self._cli, self._project = cli, folder / "project"
        assert cli("init", "project", cwd=folder).returncode == 0
        settings = self._project / "mlpipeline.yaml"
        text = settings.read_text().replace("name: project", f"name: {MODEL}")
        where = f"staging:\n  namespace: {placed.room}\n  kubeconfig: file:{placed.kubeconfig}\n"
        settings.write_text(f"{text}\n{where}")

    def rollout(self, *args: str) -> str:
        """What `mlagent rollout ARGS` answers; it must work."""
        return self.mlagent("rollout", *args)

    def mlagent(self, *args: str) -> str:
        """What `mlagent ARGS --env staging` answers; it must work."""
        ended = self._cli(*args, "--env", "staging", cwd=self._project)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture
def person(placed: Scene, cli: Cli, tmp_path: Path) -> Person:
    return Person(placed, cli, tmp_path)


def test_a_person_pauses_it_and_has_it_go_on(placed: Scene, person: Person, tmp_path: Path) -> None:
    wanted, both = placed.wanted("serves", 2), {"1": 2, "2": 1}  # the pod that was begun gets ready
    with deploying(wanted, placed.kubeconfig, tmp_path) as deployer:
        deployer.says("moving: ready are")
        assert "is paused (paused by " in person.rollout("pause", "--reason", "a look at it")
        until(lambda: placed.serving() == both)
        time.sleep(2)
        assert placed.serving() == both
        status = person.rollout("status")
        assert ": a look at it)" in status
        assert f"driven by process {deployer.process.pid} on " in status
        assert " is moving since " in person.rollout("resume")
        assert deployer.ends() == 0, deployer.said
    assert placed.serving() == {"2": 2}


def test_a_person_has_it_undone(placed: Scene, stuck: Deployer, person: Person) -> None:
    with watching(placed) as watch:
        assert "(aborted by " in person.rollout("abort", "--reason", "not today")
        assert stuck.ends() == UNDONE, stuck.said
    assert stuck.said[-1].startswith("undone aborted by ")
    assert stuck.said[-1].endswith(": not today")
    assert watch.fewest(1) == 2
    assert placed.serving() == {"1": 2}


def test_a_person_has_it_undone_whose_deployer_is_dead(placed: Scene, stuck: Deployer, person: Person) -> None:
    stuck.process.kill()
    stuck.process.wait()
    assert "nobody drives it: `mlagent deploy` goes on with it" in person.rollout("status")
    assert "is undone; imitation version 1" in person.rollout("abort")
    assert placed.serving() == {"1": 2}


def test_one_command_leads_back_from_pods_that_crash_and_that_nobody_drives(
    placed: Scene, person: Person, tmp_path: Path
) -> None:
    with watching(placed) as watch, deploying(placed.wanted("crashing", 2), placed.kubeconfig, tmp_path) as deployer:
        deployer.says("moving: ready are")
        deployer.process.kill()
        deployer.process.wait()
        until(lambda: crashes(placed))
        assert "serves imitation version 1" in person.mlagent("rollback")
        assert "nothing was moved" in person.mlagent("rollback")
    assert placed.serving() == {"1": 2}
    assert watch.fewest(1) == 2


def crashes(placed: Scene) -> bool:
    """Whether a container began anew: Kubernetes goes on alone with what was applied."""
    pods = house.admin_json("get", "pods", "--namespace", placed.room)["items"]
    return any(one["restartCount"] for pod in pods for one in pod["status"].get("containerStatuses", ()))
