"""The variables that name proxies count, as they do for curl and Docker; this machine is reached directly."""

import base64

import pytest

from mlagent.errors import InfrastructureError
from tests.registry_server import Answer, Double, Fault
from tests.unit.registry.conftest import Opened

PATH = "acme/risk"
FAR = "registry.invalid"


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch, double: Double) -> None:
    monkeypatch.setenv("http_proxy", f"http://us%40er:p%2Fw@{double.host}")
    monkeypatch.setenv("no_proxy", "other.invalid")


def test_a_registry_elsewhere_is_reached_through_it(open_: Opened, double: Double) -> None:
    assert open_(FAR, plain_http=True).manifest(PATH, "v1") is None
    (seen,) = double.seen
    assert seen.target == f"http://{FAR}/v2/{PATH}/manifests/v1"
    assert seen.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"us@er:p/w").decode()


def test_a_registry_of_this_machine_is_not(open_: Opened, double: Double) -> None:
    assert open_(double.host).manifest(PATH, "v1") is None
    assert double.seen[-1].target == f"/v2/{PATH}/manifests/v1"


def test_a_proxy_that_is_away_is_told_without_its_password(
    open_: Opened, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.faults += [Fault("GET", "", Answer(502))] * 30
    with pytest.raises(InfrastructureError, match="502") as told:
        open_(FAR, plain_http=True).manifest(PATH, "v1")
    monkeypatch.setenv("http_proxy", "http://us%40er:p%2Fw@127.0.0.1:1")
    with pytest.raises(InfrastructureError, match="does not answer") as untold:
        open_(FAR, plain_http=True).manifest(PATH, "v1")
    assert "p/w" not in told.value.message + untold.value.message
    assert "p%2Fw" not in told.value.message + untold.value.message
