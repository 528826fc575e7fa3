"""Where a stage before would have to run, the error says what is another than it was, and what to commit."""

from mlagent import catalog
from mlagent.engine.absent import not_there
from mlagent.engine.keys import Given
from mlagent.engine.plan import Step

PACKAGE = next(one for one in catalog.STAGES if one.name == "package")
TRAIN = next(one for one in catalog.STAGES if one.name == "train")
EVALUATE = next(one for one in catalog.STAGES if one.name == "evaluate")
STEP = Step(stage="package", state="run", reason="changed: the serving-lock")


def test_a_node_without_the_lock_is_told_to_commit_it() -> None:
    told = not_there(PACKAGE, STEP, Given(config={}, sources={}, facts={"serving-lock": ""}))
    assert told.code == 4
    assert "(changed: the serving-lock; the file that package.lock names is not here)" in told.message
    assert "commit that file" in told.hint
    assert "mlagent plan" in told.hint


def test_with_the_lock_or_where_none_counts_the_reason_stands_alone() -> None:
    for stage, facts in ((PACKAGE, {"serving-lock": "sha256:1"}), (TRAIN, {"serving-lock": ""})):
        told = not_there(stage, STEP, Given(config={}, sources={}, facts=facts))
        assert told.message.endswith("(changed: the serving-lock)")
        assert told.hint.startswith("`mlagent run`")


def test_a_registry_of_models_that_was_not_reached_is_worth_a_retry() -> None:
    away = {"production-model": "MLflow at http://mlflow did not take it: 503"}
    told = not_there(EVALUATE, STEP, Given(config={}, sources={}, facts=away))
    assert (told.code, told.retryable) == (20, True)
    assert told.message.endswith("MLflow at http://mlflow did not take it: 503")
    assert "tracking.uri" in told.hint
    known = {"production-model": "sha256:1"}
    assert not_there(EVALUATE, STEP, Given(config={}, sources={}, facts=known)).code == 4
