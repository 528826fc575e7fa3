"""MLflow's model registry: versions carry the digest they stand for as a tag; the file itself is kept beside them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from mlagent.adapters.mlflow import NOWHERE, MlflowTracker
from mlagent.core.digest import Digest, of_file
from mlagent.core.ports.models import Version, check_names, no_version, not_kept

DIGEST = "mlagent.digest"
LABEL = "mlagent."


class MlflowRegistry:
    """The ModelRegistry port; MLflow cannot compare and swap, so it looks first and then moves, in two steps."""

    def __init__(self, tracker: MlflowTracker) -> None:
        """Use the tracker's connection."""
        self._tracker, self._client = tracker, tracker.client

    def register(self, model: str, digest: Digest, tags: Mapping[str, str], file: Path | None = None) -> Version:
        """Find the digest's version, else make one."""
        check_names(model)
        found = next((one for one in self.versions(model) if one.digest == digest), None)
        if found:
            return found
        with self._tracker.reaching():
            self._make(model)
            run_id, source = self._tracker.keep(model, file, digest)
            labels = {DIGEST: digest} | {LABEL + key: value for key, value in tags.items()}
            made = self._client.create_model_version(model, source, run_id=run_id, tags=labels)
        return _version(made)

    def versions(self, model: str) -> Sequence[Version]:
        """Search for them; versions that others made without a digest are not ours."""
        check_names(model)
        with self._tracker.reaching():
            found = self._client.search_model_versions(f"name='{model}'")
        return sorted((_version(one) for one in found if DIGEST in one.tags), key=lambda one: one.number)

    def pointed(self, model: str, alias: str) -> Version | None:
        """Ask for the alias."""
        check_names(model, alias)
        with self._tracker.reaching():
            try:
                return _version(self._client.get_model_version_by_alias(model, alias))
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def point(self, model: str, alias: str, number: int, expected: int | None) -> bool:
        """Look, and then move."""
        now = self.pointed(model, alias)
        if number not in {one.number for one in self.versions(model)}:
            raise no_version(model, number, self.versions(model))
        if (now.number if now else None) != expected:
            return False
        with self._tracker.reaching():
            self._client.set_registered_model_alias(model, alias, str(number))
        return True

    def label(self, model: str, number: int, tags: Mapping[str, str]) -> None:
        """Set those that are not so already."""
        known = {one.number: one for one in self.versions(model)}
        if number not in known:
            raise no_version(model, number, list(known.values()))
        with self._tracker.reaching():
            for key, value in tags.items():
                if known[number].tags.get(key) != value:
                    self._client.set_model_version_tag(model, str(number), LABEL + key, value)

    def fetch(self, version: Version, to: Path) -> None:
        """Download what was kept beside the version."""
        with self._tracker.reaching():
            source = self._client.get_model_version(version.model, str(version.number)).source
        if not source or source.startswith(NOWHERE):
            raise not_kept(version)
        with self._tracker.reaching(), TemporaryDirectory(dir=to.parent) as folder:
            got = download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=self._tracker.where)
            Path(got).replace(to)
        if of_file(to) != version.digest:
            to.unlink()
            raise not_kept(version)

    def _make(self, model: str) -> None:
        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _version(found: ModelVersion) -> Version:
    tags = {key.removeprefix(LABEL): value for key, value in found.tags.items() if key != DIGEST}
    return Version(model=found.name, number=int(found.version), digest=found.tags[DIGEST], tags=tags)
