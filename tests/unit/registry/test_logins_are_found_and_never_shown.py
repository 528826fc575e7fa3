"""Who asks: the section, then Docker's configuration and its helpers, else nobody; no secret is in any text or argv."""

import base64
import json
import os
import sys
import traceback
from pathlib import Path

import pytest

from mlagent.adapters.oci_registry import auth, login
from mlagent.adapters.oci_registry.refusals import NotAllowed
from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.errors import ConfigError, InfrastructureError, MlagentError, PolicyRefused
from tests.certificates import Certificates
from tests.registry_server import IDENTITY, PASSWORD, USER, Answer, Double, Fault, error
from tests.unit.registry.conftest import Opened

PATH = "acme/risk"
HELPER = """\
#!{python}
import json, os, sys
asked = sys.stdin.read()
here = os.path.dirname(__file__)
open(os.path.join(here, "asked"), "w").write(json.dumps([sys.argv, asked, dict(os.environ)]))
{act}
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


@pytest.fixture(autouse=True)
def search_path(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs))


def helper(programs: Path, act: str) -> None:
    path = programs / "docker-credential-vault"
    path.write_text(HELPER.format(python=sys.executable, act=act))
    path.chmod(0o755)


def giving(user: str, secret: str) -> str:
    return f"print(json.dumps({{'ServerURL': asked, 'Username': {user!r}, 'Secret': {secret!r}}}))"


def docker(folder: Path, config: object) -> dict[str, str]:
    """Environment in which Docker's configuration is this."""
    (folder / ".docker").mkdir(exist_ok=True)
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / ".docker" / "config.json").write_text(text)
    return {"HOME": str(folder), "PATH": os.environ["PATH"]}


def pair(user: str = USER, password: str = PASSWORD) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def found(folder: Path, config: object, host: str = "ghcr.io", settings: Registry | None = None) -> login.Login:
    return login.of(settings or Registry(), "registry.", host, docker(folder, config))


def test_the_section_comes_before_dockers_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "of the section")
    settings = Registry(username="me", password=Secret("env:REGISTRY_PASSWORD"))
    one = found(tmp_path, {"auths": {"ghcr.io": {"auth": pair()}}}, settings=settings)
    assert (one.username, one.password) == ("me", "of the section")
    assert one.origin == "registry.password (env:REGISTRY_PASSWORD, user me)"


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "http://ghcr.io/v1"])
def test_a_login_is_found_however_its_host_is_written(tmp_path: Path, key: str) -> None:
    one = found(tmp_path, {"auths": {"other.io": {"auth": pair("no", "no")}, key: {"auth": pair()}}})
    assert (one.username, one.password) == (USER, PASSWORD)


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_docker_hub_has_a_key_of_its_own(tmp_path: Path, key: str) -> None:
    assert found(tmp_path, {"auths": {key: {"auth": pair()}}}, "docker.io").username == USER


@pytest.mark.parametrize(
    "config",
    [
        "",
        {},
        {"auths": {}},
        {"auths": {"ghcr.io": {}}},
        {"auths": {"other.io": {"auth": pair()}}},
        {"proxies": {"a": 1}},
    ],
)
def test_without_a_login_nobody_asks(tmp_path: Path, config: object) -> None:
    one = found(tmp_path, config)
    assert one.secrets == frozenset()
    assert str(tmp_path / ".docker" / "config.json") in one.origin


def test_dockers_configuration_need_not_be_there(tmp_path: Path) -> None:
    assert login.of(Registry(), "registry.", "ghcr.io", {"HOME": str(tmp_path)}).secrets == frozenset()


def test_another_folder_is_named_in_the_environment(tmp_path: Path) -> None:
    docker(tmp_path, {"auths": {"ghcr.io": {"auth": pair()}}})
    environ = {"HOME": "/nowhere", "DOCKER_CONFIG": str(tmp_path / ".docker")}
    assert login.of(Registry(), "registry.", "ghcr.io", environ).username == USER


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"auths": {"ghcr.io": {"auth": 7}}}',
        json.dumps({"auths": {"ghcr.io": {"auth": PASSWORD + "!"}}}),
        json.dumps({"auths": {"ghcr.io": {"auth": base64.b64encode(PASSWORD.encode()).decode()}}}),
        json.dumps({"auths": {"ghcr.io": {"auth": base64.b64encode(b"\xff\xfe:" + PASSWORD.encode()).decode()}}}),
        json.dumps({"auths": {"ghcr.io": {"auth": pair()}}})[:-3],
        json.dumps({"credsStore": "../../evil"}),
    ],
)
def test_a_damaged_file_is_named_and_not_quoted(tmp_path: Path, config: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.json is damaged") as raised:
        found(tmp_path, config)
    told = "".join(traceback.format_exception(raised.value))
    assert PASSWORD not in told
    assert pair() not in told


def test_a_helper_is_told_the_host_on_its_input_and_nothing_in_its_arguments(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKED_FOR", "planted-secret")
    helper(programs, giving(USER, PASSWORD))
    environ = docker(tmp_path, {"credHelpers": {"ghcr.io": "vault"}, "auths": {"ghcr.io": {"auth": pair("a", "b")}}})
    environ |= {"MLAGENT_REGISTRY_TOKEN": "planted-secret", "AWS_PROFILE": "ours"}
    one = login.of(Registry(), "registry.", "ghcr.io", environ)
    assert (one.username, one.password) == (USER, PASSWORD)
    arguments, asked, seen = json.loads((programs / "asked").read_text())
    assert (arguments[1:], asked) == (["get"], "ghcr.io")
    assert "planted-secret" not in json.dumps(seen)
    assert seen["AWS_PROFILE"] == "ours"


def test_one_helper_may_know_all_registries(tmp_path: Path, programs: Path) -> None:
    helper(programs, giving(USER, PASSWORD))
    assert found(tmp_path, {"credsStore": "vault"}, "docker.io").password == PASSWORD
    assert json.loads((programs / "asked").read_text())[1] == "https://index.docker.io/v1/"


def test_a_helper_may_give_a_token_that_is_exchanged(tmp_path: Path, programs: Path) -> None:
    helper(programs, giving("<token>", IDENTITY))
    one = found(tmp_path, {"credsStore": "vault"})
    assert (one.identity, one.password) == (IDENTITY, "")


def test_a_helper_that_knows_nothing_leaves_it_to_the_file(tmp_path: Path, programs: Path) -> None:
    helper(programs, "print('credentials not found in native keychain'); sys.exit(1)")
    assert found(tmp_path, {"credsStore": "vault", "auths": {"ghcr.io": {"auth": pair()}}}).password == PASSWORD


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("print('the vault is locked'); sys.exit(1)", "ended with status 1: the vault is locked"),
        (f"print({PASSWORD!r})", "its answer is not JSON"),
        (f"print(json.dumps([{PASSWORD!r}]))", "its answer is not JSON"),
        ("print(json.dumps({'Username': None, 'Secret': None}))", "its answer is not JSON with"),
        (f"print(json.dumps({{'Secret': {PASSWORD!r}}})); sys.exit(1)", "ended with status 1"),
    ],
)
def test_a_helper_that_fails_is_named(tmp_path: Path, programs: Path, act: str, said: str) -> None:
    helper(programs, act)
    with pytest.raises(ConfigError, match=f"docker-credential-vault.*{said}") as raised:
        found(tmp_path, {"credsStore": "vault"})
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"docker-credential-vault, which .*config\.json names.*search path"):
        found(tmp_path, {"credHelpers": {"ghcr.io": "vault"}})


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_wrong_password_is_named_by_where_it_came_from(
    open_: Opened, double: Double, tmp_path: Path, kind: str
) -> None:
    double.login = kind
    (tmp_path / "wrong").write_text("planted-secret")
    with pytest.raises(NotAllowed, match=r"registry\.password \(file:wrong, user ci\)") as raised:
        open_(double.host, username=USER, password=Secret("file:wrong", tmp_path)).manifest(PATH, "v1")
    assert raised.value.code == 3
    shown = "".join(traceback.format_exception(raised.value)) + raised.value.hint
    assert "planted-secret" not in shown
    assert base64.b64encode(b"ci:planted-secret").decode() not in shown
    assert all("planted-secret" not in one.target for one in double.seen)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_nobody_is_told_where_a_login_was_looked_for(open_: Opened, double: Double, kind: str) -> None:
    double.login = kind
    with pytest.raises(
        NotAllowed, match=r"who asks; it was asked by nobody: .*config\.json has no credentials for 127"
    ) as raised:
        open_(double.host).size(PATH, "sha256:" + "0" * 64)
    assert "registry.username" in raised.value.hint


def test_a_registry_that_repeats_a_secret_is_not_repeated(open_: Opened, double: Double, tmp_path: Path) -> None:
    double.login = "basic"
    (tmp_path / "password").write_text(PASSWORD)
    client = open_(double.host, username=USER, password=Secret("file:password", tmp_path))
    client.manifest(PATH, "v1")
    double.faults.append(Fault("GET", "manifests", error(403, "DENIED", f"{PASSWORD} and {pair()} may not")))
    with pytest.raises(PolicyRefused, match=r"\[secret\] and \[secret\] may not"):
        client.manifest(PATH, "v1")


def test_a_login_shows_nothing_of_itself() -> None:
    one = login.Login("here", USER, PASSWORD, IDENTITY, "bearer")
    assert repr(one) == "Login('here')"
    assert "planted" not in repr(auth.Token("planted", 0))


def test_an_identity_token_is_exchanged_and_goes_nowhere_else(open_: Opened, double: Double, tmp_path: Path) -> None:
    double.login = "bearer"
    environ = docker(tmp_path, {"auths": {double.host: {"auth": pair("0000", ""), "identitytoken": IDENTITY}}})
    assert open_(double.host, environ).manifest(PATH, "v1") is None
    assert [one.method for one in double.seen if one.target.startswith("/token")] == ["POST"]
    assert all(IDENTITY not in one.target + str(one.headers) for one in double.seen)


def test_a_token_of_the_section_is_sent_as_it_is(
    open_: Opened, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.login = "bearer"
    double.tokens["given"] = ("push", 99)
    monkeypatch.setenv("REGISTRY_TOKEN", "given")
    assert open_(double.host, token=Secret("env:REGISTRY_TOKEN")).manifest(PATH, "v1") is None
    monkeypatch.setenv("REGISTRY_TOKEN", "expired")
    with pytest.raises(NotAllowed, match=r"registry\.token \(env:REGISTRY_TOKEN\)"):
        open_(double.host, token=Secret("env:REGISTRY_TOKEN")).manifest(PATH, "v1")


def test_a_token_with_a_line_end_is_named_and_not_quoted(
    open_: Opened, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "planted-secret\n")
    with pytest.raises(ConfigError, match=r"registry\.token holds spaces, line ends") as raised:
        open_(double.host, token=Secret("env:REGISTRY_TOKEN"))
    assert "planted-secret" not in str(raised.value)


def test_one_token_serves_until_it_expires(
    open_: Opened, double: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double.login = "bearer"
    client = open_(double.host, docker(tmp_path, {"auths": {double.host: {"auth": pair()}}}))
    now = [1000.0]
    monkeypatch.setattr("mlagent.adapters.oci_registry.auth.time.monotonic", lambda: now[0])
    for _ in range(3):
        client.manifest(PATH, "v1")
    assert double.count("GET", "/token") == 1
    now[0] += double.token_life
    client.manifest(PATH, "v1")
    assert double.count("GET", "/token") == 2
    assert "account=ci" in next(one.target for one in double.seen if one.target.startswith("/token"))


def test_a_token_that_was_withdrawn_is_fetched_anew(open_: Opened, double: Double, tmp_path: Path) -> None:
    double.login, double.spent_tokens = "bearer", 2
    client = open_(double.host, docker(tmp_path, {"auths": {double.host: {"auth": pair()}}}))
    for _ in range(5):
        assert client.manifest(PATH, "v1") is None
    assert double.count("GET", "/token") == 3


def test_a_password_goes_to_no_plain_server_of_tokens(
    open_: Opened, secure: Double, double: Double, tls: Certificates, tmp_path: Path
) -> None:
    secure.login, secure.realm = "bearer", f"{double.url}/token"
    client = open_(secure.host, docker(tmp_path, {"auths": {secure.host: {"auth": pair()}}}), ca=str(tls.ca))
    with pytest.raises(ConfigError, match="over plain HTTP; nothing was sent there"):
        client.manifest(PATH, "v1")
    assert double.seen == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b"<html>"), MlagentError),
        (Answer(200, b"{}"), MlagentError),
        (Answer(404), ConfigError),
        (Answer(503), InfrastructureError),
    ],
)
def test_a_server_of_tokens_that_gives_none_is_an_error(
    open_: Opened, double: Double, answer: Answer, kind: type[MlagentError]
) -> None:
    double.login = "bearer"
    double.faults += [Fault("GET", "/token", answer)] * 30
    with pytest.raises(kind):
        open_(double.host).manifest(PATH, "v1")


def test_a_login_that_nobody_knows_is_named(open_: Opened, double: Double) -> None:
    double.faults.append(Fault("GET", "manifests", Answer(401, b"", {"WWW-Authenticate": "Negotiate"})))
    with pytest.raises(ConfigError, match=r"its login \(Negotiate\) is not known here"):
        open_(double.host).manifest(PATH, "v1")
