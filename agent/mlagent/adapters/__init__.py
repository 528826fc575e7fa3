"""The door to the outside: one vendor a file, opened only when something asks for it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mlagent.errors import ConfigError, missing_package

if TYPE_CHECKING:
    from mlagent.adapters.cosign import CosignSigner, CosignVerifier
    from mlagent.adapters.jenkins.asked import AskedBuild
    from mlagent.adapters.kube.cluster import KubeCluster
    from mlagent.adapters.mlflow import MlflowTracker
    from mlagent.adapters.oci_registry.client import RegistryClient
    from mlagent.adapters.prometheus_api import Prometheus
    from mlagent.adapters.remote_data import RemoteFiles
    from mlagent.config.approvals import Approvals
    from mlagent.config.environments import Staging
    from mlagent.config.images import Registry
    from mlagent.config.ledger import Ledger as LedgerSettings
    from mlagent.config.secret import Secret
    from mlagent.config.sections import Data, Keep, Tracking
    from mlagent.config.signer import Signing
    from mlagent.core.context import Origin
    from mlagent.core.oci import Reference
    from mlagent.core.ports.approvals import Started
    from mlagent.core.ports.engine import Engine
    from mlagent.core.ports.ledger import Ledger
    from mlagent.core.ports.models import ModelRegistry
    from mlagent.core.ports.signer import By
    from mlagent.core.ports.store import Store
    from mlagent.core.ports.tracker import ExperimentTracker


def store(settings: "Keep", project: Path, home: Path) -> "Store":
    """The store of the `store:` section, whose path is relative to the project; in the folder `home` without one."""
    from mlagent.adapters.stores import open_store

    if settings.url is None:
        return open_store(home)
    if "://" in settings.url:
        return open_store(settings.url, _options(settings))
    if re.match(r"[a-z0-9]{2,}:/", settings.url):
        raise ConfigError(
            f"store.url: {settings.url!r} is neither a path nor a URL", hint="a URL has two slashes: s3://…"
        )
    folder = project / Path(settings.url).expanduser()
    if folder.is_file():
        raise ConfigError(
            f"store.url: {settings.url} is a file, and a store is a folder",
            hint="name a folder, which is made where it is not there, or a URL such as s3://…",
        )
    return open_store(folder)


def query_rows(settings: "Data", batch_rows: int) -> "Iterator[tuple[list[str], list[Sequence[Any]]]]":
    """Column names and rows of the query of the `data:` section, batch by batch."""
    try:
        from mlagent.adapters.database import rows_of
    except ImportError as error:
        raise missing_package("sqlalchemy", "control") from error
    if settings.database is None or settings.query is None:
        return iter(())
    return rows_of(settings.database, settings.query, batch_rows)


def remote_files(url: str, settings: "Data") -> "RemoteFiles":
    """The files behind a URL of the `data:` section."""
    from mlagent.adapters.remote_data import RemoteFiles

    return RemoteFiles(url, _options(settings))


def _options(settings: "Data | Keep") -> dict[str, str]:
    """What fsspec calls the keys of a section."""
    options = {"endpoint_url": settings.endpoint} if settings.endpoint else {}
    options |= {"key": settings.access_key.reveal()} if settings.access_key else {}
    return options | ({"secret": settings.secret_key.reveal()} if settings.secret_key else {})


def ledger(
    settings: "LedgerSettings", project: Path, store: "Store", *, notice: Callable[[str], None] = lambda _: None
) -> "Ledger":
    """The ledger of the `ledger:` section, whose file is relative to the project; without one, in the run's store.

    `notice` is told of a line that a killed writer left torn, and that was set aside.
    """
    from mlagent.adapters.ledgers.lines import LineLedger
    from mlagent.adapters.ledgers.objects import ObjectLedger

    if settings.file:
        file = project / Path(settings.file).expanduser()
        if file.is_dir():
            raise ConfigError(
                f"ledger.file: {settings.file} is a folder, and a ledger is a file in one",
                hint=f"name a file, which is made where it is not there: {settings.file.rstrip('/')}/ledger.jsonl",
            )
        return LineLedger(file, notice)
    if settings.database is None:
        return ObjectLedger(store)
    try:
        from mlagent.adapters.ledgers.sql import SqlLedger
    except ImportError as error:
        raise missing_package("sqlalchemy", "control") from error
    return SqlLedger(settings.database.within(project).reveal(), project)


def tracker(settings: "Tracking", home: Path) -> "ExperimentTracker":
    """The experiment tracker of the `tracking:` section; the folder `home` holds the local one, and what waits."""
    from mlagent.adapters.waiting import WaitingTracker

    @cache  # importing MLflow takes a second that most stages do not owe
    def opened() -> "MlflowTracker":
        return _mlflow(settings, home)

    return WaitingTracker(opened, home / "waiting")


@contextmanager
def container_engine() -> "Iterator[Engine]":
    """The engine that DOCKER_HOST names, or this machine's own; NoEngine (20) when none can be used."""
    try:
        from mlagent.adapters.engine.docker import DockerEngine
    except ImportError as error:
        raise missing_package("docker", "image") from error
    engine = DockerEngine()
    try:
        yield engine
    finally:
        engine.close()


def registry(settings: "Tracking", home: Path, store: "Store") -> "ModelRegistry":
    """MLflow's registry where a tracking server is set, else plain files in the run's store."""
    from mlagent.adapters.local.models import LocalRegistry

    return cast("ModelRegistry", _LazyRegistry(settings, home)) if settings.uri else LocalRegistry(store)


def registered(store: "Store") -> set[str]:
    """Digests of the models that the registry in the store names."""
    from mlagent.adapters.local.models import LocalRegistry

    return LocalRegistry(store).digests()


def image_registry(
    where: "Reference",
    settings: "Registry",
    project: Path,
    *,
    keys: str = "registry.",
    named: str = "registry.repository",
    notice: Callable[[str], None] = lambda _: None,
) -> "RegistryClient":
    """The container registry of a reference, to be used in a `with`; who asks is said in `settings`.

    A file of certificates is meant from the project's folder. Errors call a setting by `keys` and its name, and the
    reference by the key in which it was `named`; `notice` is told that the registry is away.
    """
    return _image_registry()(where, settings, project, keys=keys, named=named, notice=notice)


def takes_anonymous_pushes(where: "Reference", settings: "Registry", project: Path) -> bool:
    """Whether anybody may push to the repository: tries to begin, without credentials, and cancels it."""
    with _image_registry()(where, settings, project, anonymous=True) as registry:
        return registry.takes_anything(where.path)


def verifier(
    settings: "Registry", project: Path, *, transparency_log: bool = False, cosign: str = "cosign"
) -> "CosignVerifier":
    """Who verifies images of registries that are asked by `settings`; a `cosign` with a slash is a file."""
    from mlagent.adapters.signing.program import Program

    made = _cosign().CosignVerifier(Program(cosign, project), settings, project, transparency_log=transparency_log)
    return cast("CosignVerifier", made)


def signer(
    settings: "Registry",
    project: Path,
    *,
    key: "Secret | None",
    password: "Secret | None" = None,
    service: str | None = None,
    by: "By | None" = None,
    transparency_log: bool = False,
    cosign: str = "cosign",
    section: str = "sign",
) -> "CosignSigner":
    """Who signs, by a key or by the service that keeps one; `by` is whom it verifies by, asked of the key if unset.

    Errors call a setting by `section` and its name.
    """
    from mlagent.adapters.signing import keys
    from mlagent.adapters.signing.program import Program

    held, program = keys.of(key, password, service, section), Program(cosign, project)
    made = _cosign().CosignSigner(program, settings, project, held, by=by, transparency_log=transparency_log)
    return cast("CosignSigner", made)


def signer_of(sign: "Signing", settings: "Registry", project: Path) -> "CosignSigner":
    """Who signs by the section `sign`."""
    from mlagent.core.ports.signer import Identity

    by = Identity(sign.issuer, sign.identity) if sign.identity and sign.issuer else None
    return signer(
        settings,
        project,
        key=sign.key,
        password=sign.password,
        service=sign.service,
        by=by,
        transparency_log=sign.transparency_log,
    )


def asked_build(
    settings: "Approvals", controller: str, origin: "Origin", notice: Callable[[str], None]
) -> "AbstractContextManager[AskedBuild]":
    """The build in Jenkins in which people are asked, as its controller tells of it."""
    try:
        from mlagent.adapters.jenkins.asked import opened
    except ImportError as error:
        raise missing_package("python-jenkins", "jenkins") from error
    return opened(settings, controller, origin, notice)


def started_here() -> "Started":
    """Who gives this command: the user of the system."""
    import os
    import pwd

    from mlagent.core.ports.approvals import Started

    return Started(users=(pwd.getpwuid(os.getuid()).pw_name,), kinds=("command",))


def cluster(settings: "Staging", project: Path, environment: str | None = None) -> "KubeCluster":
    """The namespace of an environment, to be used in a `with`; nothing is reached yet.

    `environment` is its section as errors name it; the type of the settings tells where it is not given.
    """
    try:
        from mlagent.adapters.kube.opening import opened
    except ImportError as error:
        raise missing_package("kubernetes", "deploy") from error
    return opened(settings, project, environment)


def prometheus(url: str) -> "Prometheus":
    """The Prometheus server at this URL; nothing is reached yet."""
    try:
        from mlagent.adapters.prometheus_api import Prometheus
    except ImportError as error:
        raise missing_package("urllib3", "deploy") from error
    return Prometheus(url)


def _cosign() -> Any:  # noqa: ANN401 - a module
    try:
        from mlagent.adapters import cosign
    except ImportError as error:
        raise missing_package("urllib3", "image") from error
    return cosign


def _image_registry() -> "Callable[..., RegistryClient]":
    try:
        from mlagent.adapters.oci_registry import opened
    except ImportError as error:
        raise missing_package("urllib3", "image") from error
    return opened


class _LazyRegistry:
    """MLflow's, opened at the first question."""

    def __init__(self, settings: "Tracking", home: Path) -> None:
        self._settings, self._home = settings, home

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the port's methods
        from mlagent.adapters.mlflow_registry import MlflowRegistry

        return getattr(MlflowRegistry(_mlflow(self._settings, self._home)), name)


def _mlflow(settings: "Tracking", home: Path) -> "MlflowTracker":
    try:
        from mlagent.adapters.mlflow import MlflowTracker
    except ImportError as error:
        raise missing_package("mlflow", "control") from error
    return MlflowTracker(settings, home)
