"""Whatever registers models does it like this."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlagent.adapters.local.models import LocalRegistry
from mlagent.adapters.mlflow import MlflowTracker
from mlagent.adapters.mlflow_registry import MlflowRegistry
from mlagent.config.sections import Tracking
from mlagent.core.digest import of_bytes
from mlagent.core.ports.models import ModelRegistry
from mlagent.core.ports.store import Store
from mlagent.errors import InputError
from tests.contract.conftest import STORES, opener

Opened = Callable[[], Store]
ONE, TWO = ("sha256:" + digit * 64 for digit in "12")


@pytest.fixture(params=[*STORES, "mlflow"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> ModelRegistry:
    if request.param == "mlflow":
        return MlflowRegistry(MlflowTracker(Tracking(), tmp_path / "mlflow"))
    return LocalRegistry(opener(request.param, request, tmp_path)())


def test_a_file_may_come_along(registry: ModelRegistry, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"a model")
    assert registry.register("risk", ONE, {"build": "7"}, tmp_path / "model.onnx").tags == {"build": "7"}
    assert registry.register("risk", ONE, {}, tmp_path / "model.onnx").number == 1


def test_its_file_is_read_back_or_its_loss_told(registry: ModelRegistry, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"a model")
    known = of_bytes(b"a model")
    if isinstance(registry, LocalRegistry):  # there the run's store keeps it
        registry._store.put(tmp_path / "model.onnx", known)
    kept = registry.register("risk", known, {}, tmp_path / "model.onnx")
    registry.fetch(kept, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == b"a model"
    lost = registry.register("risk", TWO, {})
    with pytest.raises(InputError, match=r"version 2 .* is not kept"):
        registry.fetch(lost, tmp_path / "lost.onnx")
    assert not (tmp_path / "lost.onnx").exists()


def test_versions_are_numbered_from_one_and_read_back(registry: ModelRegistry) -> None:
    assert registry.versions("risk") == []
    first, second = registry.register("risk", ONE, {"commit": "abc"}), registry.register("risk", TWO, {})
    assert (first.number, first.digest, first.tags) == (1, ONE, {"commit": "abc"})
    assert registry.versions("risk") == [first, second]
    assert registry.register("other", TWO, {}).number == 1


def test_registering_the_same_again_gives_the_version_there_is(registry: ModelRegistry) -> None:
    first = registry.register("risk", ONE, {"commit": "abc"})
    assert registry.register("risk", ONE, {"commit": "another"}) == first
    assert registry.versions("risk") == [first]


def test_a_version_is_labelled(registry: ModelRegistry) -> None:
    registry.register("risk", ONE, {"commit": "abc", "stage": "Development"})
    registry.register("risk", TWO, {})
    registry.label("risk", 1, {"stage": "Staging", "ledger": "4"})
    registry.label("risk", 1, {"stage": "Staging"})
    first, second = registry.versions("risk")
    assert (first.digest, first.tags) == (ONE, {"commit": "abc", "stage": "Staging", "ledger": "4"})
    assert second.tags == {}
    with pytest.raises(InputError, match="has no version 3"):
        registry.label("risk", 3, {"stage": "Staging"})


def test_an_alias_moves_only_from_where_it_is_thought_to_be(registry: ModelRegistry) -> None:
    first, second = registry.register("risk", ONE, {}), registry.register("risk", TWO, {})
    assert registry.pointed("risk", "production") is None
    assert not registry.point("risk", "production", 1, expected=2)
    assert registry.point("risk", "production", 1, expected=None)
    assert not registry.point("risk", "production", 2, expected=None)
    assert registry.pointed("risk", "production") == first
    assert registry.point("risk", "production", 2, expected=1)
    assert registry.pointed("risk", "production") == second
    assert registry.pointed("risk", "staging") is None


def test_an_alias_cannot_point_at_what_is_not_there(registry: ModelRegistry) -> None:
    registry.register("risk", ONE, {})
    with pytest.raises(InputError, match="model 'risk' has no version 7") as error:
        registry.point("risk", "production", 7, expected=None)
    assert error.value.hint == "its versions: 1"
    assert registry.pointed("risk", "production") is None


@pytest.mark.parametrize("alias", ["latest", "Latest", "v3", "V12", "a/b", "", "a b", "-a", "x" * 129])
def test_aliases_that_some_registry_refuses_are_refused(registry: ModelRegistry, alias: str) -> None:
    registry.register("risk", ONE, {})
    with pytest.raises(InputError, match="alias"):
        registry.point("risk", alias, 1, expected=None)


@pytest.mark.parametrize("model", ["", "a/b", "..", "a b", "é"])
def test_models_that_some_registry_refuses_are_refused(registry: ModelRegistry, model: str) -> None:
    with pytest.raises(InputError, match="cannot name a model"):
        registry.register(model, ONE, {})


def test_of_many_who_register_at_once_each_digest_gets_one_version(opened: Opened) -> None:
    digests = ["sha256:" + f"{number % 6:064d}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda digest: LocalRegistry(opened()).register("risk", digest, {}), digests))
    versions = LocalRegistry(opened()).versions("risk")
    assert [one.number for one in versions] == [1, 2, 3, 4, 5, 6]
    assert {one.digest for one in versions} == set(digests)


def test_a_damaged_file_is_named(opened: Opened) -> None:
    opened().write("models/risk", b"{")
    with pytest.raises(
        InputError, match=r"registry's file of model 'risk' \(named/models/risk in the store\) is damaged"
    ):
        LocalRegistry(opened()).versions("risk")
