"""A double of a registry, and clients of it for whom no time passes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from mlagent.adapters.oci_registry import opened
from mlagent.adapters.oci_registry.client import RegistryClient
from mlagent.config.images import Registry
from mlagent.core.oci import parse
from tests.certificates import Certificates, certificates
from tests.registry_server import Double, serving


class Waits(NamedTuple):
    """What was waited, and what was said of it; `then` is called at each wait."""

    seconds: list[float]
    said: list[str]
    then: list[Callable[[], object]]

    def pause(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.then:
            self.then.pop(0)()


Opened = Callable[..., RegistryClient]


@pytest.fixture
def double() -> Iterator[Double]:
    with serving() as made:
        yield made


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(tls: Certificates) -> Iterator[Double]:
    """One that speaks TLS."""
    with serving((tls.certificate, tls.key)) as made:
        yield made


@pytest.fixture
def waits() -> Waits:
    return Waits([], [], [])


@pytest.fixture
def open_(tmp_path: Path, waits: Waits) -> Iterator[Opened]:
    """Opens a client of a host; settings by their names, `environ` as it is given."""
    with ExitStack() as stack:

        def client(host: str, environ: dict[str, str] | None = None, **settings: object) -> RegistryClient:
            made = opened(
                parse(f"{host}/acme/risk"),
                Registry(**settings),  # type: ignore[arg-type]
                tmp_path,
                environ={"HOME": str(tmp_path), **(environ or {})},
                notice=waits.said.append,
                pause=waits.pause,
            )
            return stack.enter_context(made)

        yield client


@pytest.fixture
def client(open_: Opened, double: Double) -> RegistryClient:
    """A client of the double that anybody may use."""
    return open_(double.host)
