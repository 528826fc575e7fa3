"""Restarts in mid-call, lost answers, crumbs and plugins: planted in the double, answered by the adapter."""

import pytest

from mlagent.adapters.jenkins import builds, jobs, merge, sync
from mlagent.adapters.jenkins.controller import Controller
from mlagent.errors import ConfigError, Held, InfrastructureError, InputError, MlagentError, PolicyRefused
from tests.jenkins_double import PASSWORD, Answer, Double, Fault
from tests.jenkins_opened import Opened, settings


@pytest.mark.parametrize("status", [0, 502, 503, 504])
def test_a_read_is_asked_again_until_it_is_answered(double: Double, opened: Opened, status: int) -> None:
    double.faults = [Fault("GET", "/job/risk/api", status)] * 3
    assert opened.controller.job("risk")["nextBuildNumber"] == 1
    assert opened.rested == 1 + 2 + 4
    assert len(opened.said) == 1


def test_the_patience_ends_in_an_error_that_is_worth_a_retry(double: Double) -> None:
    one = Opened(double, patience=10)
    double.faults = [Fault("GET", ".", 503)] * 99
    with pytest.raises(InfrastructureError, match="it is starting, or away"), one.controller:
        pass
    assert one.rested == 10


def test_a_controller_that_is_not_there_is_named_with_its_address(double: Double) -> None:
    one = Controller(settings(double, 0, url="http://127.0.0.1:9"), lambda _: None)
    with pytest.raises(InfrastructureError, match=r"http://127.0.0.1:9 does not answer: .*refused"), one:
        pass


def test_a_login_page_is_no_controller(double: Double) -> None:
    double.page = "<html>Sign in</html>"
    with pytest.raises(ConfigError, match="does not speak as Jenkins does"), Opened(double).controller:
        pass


def test_an_address_that_sends_us_on_is_not_used(double: Double) -> None:
    told = double.answer

    def elsewhere(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        if target.startswith("/ci/"):
            return told(method, target.removeprefix("/ci"), body, headers)
        return 302, "", {"Location": f"{double.url}/ci{target}"}

    double.answer = elsewhere
    with pytest.raises(ConfigError, match=rf"sends us on to {double.url}/ci, where"), Opened(double).controller:
        pass


@pytest.mark.parametrize("status", [0, 503])
def test_a_start_that_was_heard_is_not_said_twice(double: Double, opened: Opened, status: int) -> None:
    double.faults = [Fault("POST", "/buildWithParameters", status, after=True), Fault("GET", "/queue/api", 503)]
    double.faults.insert(0, Fault("GET", "/queue/api", 503))
    item = builds.start(opened.controller, "risk", {"reason": "drift"})
    assert (len(double.queue), item) == (1, 1)


def test_a_start_that_was_heard_and_has_begun_is_found_among_the_builds(double: Double, opened: Opened) -> None:
    double.faults = [Fault("POST", "/buildWithParameters", 0, after=True)]
    told = double.answer

    def begin_at_once(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        found = told(method, target, body, headers)
        for number in double.queue:
            double.begin(number)
        return found

    double.answer = begin_at_once
    item = builds.start(opened.controller, "risk", {"reason": "drift"})
    assert builds.number_of(opened.controller, "risk", item) == 1
    assert len(double.jobs["risk"].builds) == 1


def test_a_start_that_was_not_heard_is_said_again(double: Double, opened: Opened) -> None:
    double.faults = [Fault("POST", "/buildWithParameters", 0)]
    builds.start(opened.controller, "risk", {"reason": "drift"})
    assert len(double.queue) == 1


def test_another_persons_build_of_the_same_moment_is_not_taken_for_ours(double: Double, opened: Opened) -> None:
    double.faults = [Fault("POST", "/buildWithParameters", 0)]
    told = double.answer

    def meanwhile(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        if "/queue/api" in target and len(double.seen) > 3 and not double.queue:
            task = {"name": "risk", "url": f"{double.url}/job/risk/"}
            double.queue[77] = {"task": task, "parameters": {"reason": "drift"}, "user": "grace", "looks": 0}
            double.begin(77)  # while it waited, Jenkins would join ours to it
        return told(method, target, body, headers)

    double.answer = meanwhile
    assert builds.start(opened.controller, "risk", {"reason": "drift"}) == 1
    assert set(double.queue) == {77, 1}


def test_a_job_that_was_made_though_nobody_heard_is_not_made_twice(double: Double) -> None:
    with Opened(double).controller as controller:
        double.faults = [Fault("POST", "/createItem", 0, after=True)]
        for change in sync.changes(controller, settings(double), "risk"):
            sync.apply(controller, change)
    assert [one for one in double.seen if "createItem" in one] == ["POST /createItem?name=risk"]


def test_a_crumb_that_a_restart_made_old_is_fetched_once_more(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENKINS_TOKEN", PASSWORD)  # an API token needs no crumb
    with Opened(double).controller as controller:
        sync.apply(controller, sync.changes(controller, settings(double), "risk")[0])
        double.crumb = "crumb-2"
        builds.start(controller, "risk", {"reason": "drift"})
        assert len(double.queue) == 1
        double.faults = []
        double.crumb, told = "crumb-3", double.answer

        def stale(method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
            return told(method, target, body, {**headers, "jenkins-crumb": "never"})

        double.answer = stale
        with pytest.raises(ConfigError, match=r"no valid crumb \(CSRF\)"):
            builds.start(controller, "risk", {"reason": "drift"})


def test_a_missing_plugin_is_named_before_anything_is_sent(double: Double) -> None:
    double.plugins -= {"workflow-multibranch", "branch-api"}
    with Opened(double).controller as controller:
        with pytest.raises(ConfigError, match="lacks the plugin branch-api, workflow-multibranch, which a multibranch"):
            sync.changes(controller, settings(double, kind="multibranch"), "risk")
        assert [one.new for one in sync.changes(controller, settings(double), "risk")] == [True]


def test_where_nobody_may_see_the_plugins_the_controllers_own_refusal_says_what_to_look_for(double: Double) -> None:
    double.plugins -= {"workflow-job"}
    double.may_see_plugins = False
    with Opened(double).controller as controller:
        change = sync.changes(controller, settings(double), "risk")[0]
        with pytest.raises(InfrastructureError) as caught:
            sync.apply(controller, change)
    assert "500" in caught.value.message
    assert "is a plugin missing?" in caught.value.hint


def test_without_the_plugin_that_knows_questions_a_build_is_still_followed(double: Double, opened: Opened) -> None:
    item = builds.start(opened.controller, "risk", {"reason": "drift"})
    number = builds.number_of(opened.controller, "risk", item)
    double.plugins -= {"pipeline-rest-api"}
    build = builds.look(opened.controller, "risk", number)
    with pytest.raises(ConfigError, match="pipeline-rest-api is missing"):
        opened.controller.pending("risk", number)
    assert builds.end_of(opened.controller, build, lambda _: None).result == "SUCCESS"


def test_what_a_known_user_may_not_do_is_refused_by_policy(double: Double, opened: Opened) -> None:
    double.faults = [Fault("POST", "/buildWithParameters", 403)]
    with pytest.raises(PolicyRefused, match="ada may not do this"):
        builds.start(opened.controller, "risk", {"reason": "drift"})


def test_a_disabled_job_is_said_to_be_one(double: Double, opened: Opened) -> None:
    double.jobs["risk"].disabled = True
    with pytest.raises(ConfigError, match="the job is disabled"):
        builds.start(opened.controller, "risk", {"reason": "drift"})


def test_a_build_taken_out_of_the_queue_is_held_and_one_long_begun_is_found(double: Double, opened: Opened) -> None:
    item = builds.start(opened.controller, "risk", {"reason": "drift"})
    double.queue[item]["cancelled"] = True
    with pytest.raises(Held, match="taken out of the queue"):
        builds.number_of(opened.controller, "risk", item)
    item = builds.start(opened.controller, "risk", {"reason": "drift"})
    double.begin(item)
    del double.queue[item]  # some minutes later
    assert builds.number_of(opened.controller, "risk", item) == 1


def test_a_job_of_the_same_name_in_a_folder_is_another_one(double: Double, opened: Opened) -> None:
    double.folders.add("models")
    more = settings(double, job="models/risk")
    sync.apply(opened.controller, sync.changes(opened.controller, more, "risk")[0])
    builds.start(opened.controller, "models/risk", {"reason": "drift"})
    assert (len(opened.controller.queued("models/risk")), len(opened.controller.queued("risk"))) == (1, 0)


def test_a_start_that_is_never_heard_ends_as_worth_a_retry(double: Double, opened: Opened) -> None:
    double.faults = [Fault("POST", "/buildWithParameters", 504)] * 9
    with pytest.raises(InfrastructureError, match="504"):
        builds.start(opened.controller, "risk", {"reason": "drift"})
    assert len([one for one in double.seen if one.startswith("POST")]) == 3
    assert double.queue == {}


def test_a_job_that_holds_branches_is_not_built_itself(double: Double, opened: Opened) -> None:
    more = settings(double, kind="multibranch", job="all")
    sync.apply(opened.controller, sync.changes(opened.controller, more, "risk")[0])
    for ask in (
        lambda: builds.start(opened.controller, "all", {}),
        lambda: builds.look(opened.controller, "all", None),
    ):
        with pytest.raises(InputError, match="all holds jobs") as caught:
            ask()
        assert "all/main" in caught.value.hint


def test_a_log_that_was_cut_is_read_from_its_beginning(double: Double, opened: Opened) -> None:
    builds.number_of(opened.controller, "risk", builds.start(opened.controller, "risk", {"reason": "drift"}))
    chunk = opened.controller.log("risk", 1, 10_000)
    assert chunk.data.startswith(b"Started by user ada\n")
    assert chunk.end == len(chunk.data)


def test_xml_that_jenkins_calls_1_1_is_read_and_what_cannot_be_read_is_named() -> None:
    root = merge.parse(
        "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition><description>ü</description></flow-definition>",
        "risk",
    )
    assert root.findtext("description") == "ü"
    with pytest.raises(MlagentError, match="the XML of the job risk cannot be read"):
        merge.parse("<?xml version='1.1'?><a>&#x1;</a>", "risk")


def test_a_job_of_the_other_kind_is_not_made_over(double: Double, opened: Opened) -> None:
    with pytest.raises(ConfigError, match=f"the job risk is a {jobs.PIPELINE}"):
        sync.changes(opened.controller, settings(double, kind="multibranch"), "risk")
