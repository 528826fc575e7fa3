"""The client's configuration: out of a kubeconfig, or the account of the pod that we run in."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from kubernetes.client import Configuration
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import SERVICE_TOKEN_FILENAME, load_incluster_config
from kubernetes.config.kube_config import KubeConfigLoader

from mlagent.adapters.kube import kubeconfig
from mlagent.adapters.kube.kubeconfig import Chosen
from mlagent.adapters.kube.refusals import Place
from mlagent.adapters.kube.secrets import hidden
from mlagent.config.environments import Staging
from mlagent.errors import ConfigError

CONNECTIONS = 8


class Login(NamedTuple):
    """A configuration, how errors call its place, and what must be closed after it."""

    configuration: Configuration
    place: Place
    kept: ExitStack

    def __repr__(self) -> str:
        """Not the token."""
        return f"Login({self.place!r})"


def of(settings: Staging, project: Path, environ: Mapping[str, str], keys: str) -> Login:
    """`PREFIX.kubeconfig`, else KUBECONFIG or its default file, else the pod's own; ConfigError (3) without any."""
    if settings.kubeconfig is not None:
        secret = settings.kubeconfig.within(project)
        found = kubeconfig.parse(secret.reveal(), f"of {keys}kubeconfig ({secret.reference})", project)
    else:
        read = kubeconfig.read(kubeconfig.files(environ))
        if read is None:
            return _own(settings, environ, keys)
        found = read
    return _from(kubeconfig.choose(found, settings.context, keys), found.origin, keys)


def _from(chosen: Chosen, origin: str, keys: str) -> Login:
    kept = ExitStack()
    cluster, user = (dict(hidden(one, origin, kept)) for one in (chosen.cluster, chosen.user))
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }
    configuration = Configuration()
    try:
        with _told():
            KubeConfigLoader(config, config_base_path="").load_and_set(configuration)
    except (ConfigException, OSError, ValueError) as error:
        place = Place(_host(configuration), chosen.context, origin, keys, _masks(configuration))
        raise ConfigError(
            f"the kubeconfig {origin} cannot be used (context {chosen.context}): {place.masked(str(error))}",
            hint="`kubectl --context CONTEXT get pods` with the same file shows whether it works",
        ) from None
    return _ready(configuration, Place("", chosen.context, origin, keys, _masks(configuration)), kept)


def _own(settings: Staging, environ: Mapping[str, str], keys: str) -> Login:
    where = ", ".join(str(one) for one in kubeconfig.files(environ))
    in_pod = "KUBERNETES_SERVICE_HOST" in environ and Path(SERVICE_TOKEN_FILENAME).is_file()
    if settings.context or environ.get("KUBECONFIG") or not in_pod:
        hint = f"set {keys}kubeconfig (env:NAME or file:PATH), or KUBECONFIG; in Jenkins, bind the credential"
        raise ConfigError(f"there is no kubeconfig: {where} is not there, and {keys}kubeconfig is not set", hint=hint)
    configuration = Configuration()
    try:
        load_incluster_config(configuration)
    except (ConfigException, OSError) as error:
        raise ConfigError(f"this pod's own account cannot be used: {error}", hint=f"set {keys}kubeconfig") from error
    place = Place("", "", "this pod's own account", keys, _masks(configuration))
    return _ready(configuration, place, ExitStack())


def _ready(configuration: Configuration, place: Place, kept: ExitStack) -> Login:
    """No repetition that nobody sees, no proxy on the way to this machine, and errors for a program that failed."""
    configuration.retries = False
    configuration.connection_pool_maxsize = CONNECTIONS
    if kubeconfig.loopback(configuration.host):
        configuration.proxy = None
    if not configuration.verify_ssl:  # the kubeconfig says so: once is enough
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    if refresh := configuration.refresh_api_key_hook:
        configuration.refresh_api_key_hook = _checked(refresh, place)
    return Login(configuration, place._replace(host=_host(configuration)), kept)


def _checked(refresh: Callable[[Configuration], None], place: Place) -> Callable[[Configuration], None]:
    def checked(configuration: Configuration) -> None:
        try:
            with _told():
                refresh(configuration)
        except (ConfigException, OSError, ValueError) as error:
            raise ConfigError(
                f"the credentials of {place.origin} could not be renewed: {place.masked(str(error))}",
                hint="the program that the kubeconfig names (exec), or the file with the token, says more",
            ) from None

    return checked


@contextmanager
def _told() -> Iterator[None]:
    """ConfigException for what the library only logs (a failing `exec`), and goes on as nobody."""
    heard = _Heard()
    root = logging.getLogger()
    root.addHandler(heard)
    try:
        yield
    finally:
        root.removeHandler(heard)
    if heard.lines:
        raise ConfigException("; ".join(heard.lines))


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "root":  # as the library calls itself there; other threads of ours have names
            self.lines.append(record.getMessage())


def _host(configuration: Configuration) -> str:
    return urlsplit(configuration.host).netloc


def _masks(configuration: Configuration) -> Callable[[], frozenset[str]]:
    """What stands in no text: the token as it is now, with and without its scheme."""

    def masks() -> frozenset[str]:
        token = configuration.api_key.get("BearerToken", "")
        return frozenset((token, token.partition(" ")[2]))

    return masks
