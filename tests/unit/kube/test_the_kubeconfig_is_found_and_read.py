"""Which cluster, and as whom: read as kubectl reads it, and never quoted."""

import base64
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import Configuration
from kubernetes.config.kube_config import KubeConfigLoader

from mlagent.adapters.kube import login
from mlagent.adapters.kube.opening import opened
from mlagent.config.environments import Production, Staging
from mlagent.config.secret import Secret
from mlagent.core.ports.cluster import Kind
from mlagent.errors import ConfigError
from tests.api_server_double import TOKEN, Answer, Double, kubeconfig

CONFIG = Kind("v1", "ConfigMap")
HOST = "https://10.0.0.1:6443"
PRIVATE = "-----BEGIN PRIVATE KEY-----\nMC4CAQ-planted\n-----END PRIVATE KEY-----\n"


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def of(settings: Staging, project: Path, **environ: str) -> login.Login:
    return login.of(settings, project, {"HOME": str(project), **environ}, "staging.")


def token(found: login.Login) -> str:
    return str(found.configuration.api_key["BearerToken"])


def written(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def contexts(current: str | None, servers: dict[str, str]) -> str:
    """A context for each server, all of them with the user of the first."""
    config: dict[str, Any] = json.loads(kubeconfig(HOST))
    config["current-context"] = current
    config["clusters"] = [{"name": name, "cluster": {"server": server}} for name, server in servers.items()]
    config["contexts"] = [{"name": name, "context": {"cluster": name, "user": "u"}} for name in servers]
    return json.dumps(config)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("PLANTED_KUBECONFIG", kubeconfig(HOST))
    return Secret("env:PLANTED_KUBECONFIG")


def test_the_one_that_is_set_comes_before_the_variable(tmp_path: Path, secret: Secret) -> None:
    file = written(tmp_path / "other", kubeconfig("https://other:1"))
    found = of(Staging(namespace="risk", kubeconfig=secret), tmp_path, KUBECONFIG=file)
    assert found.configuration.host == HOST
    assert token(found) == f"Bearer {TOKEN}"


def test_a_secret_file_is_meant_from_the_project(tmp_path: Path) -> None:
    written(tmp_path / "keys/config", kubeconfig(HOST))
    found = of(Staging(namespace="risk", kubeconfig=Secret("file:keys/config")), tmp_path)
    assert found.configuration.host == HOST


def test_of_several_files_the_first_that_says_a_thing_is_believed(tmp_path: Path) -> None:
    first = written(tmp_path / "a", contexts(None, {"here": "https://here:1"}))
    second = written(tmp_path / "b", contexts("there", {"here": "https://wrong:1", "there": "https://there:1"}))
    third = written(tmp_path / "c", contexts("here", {"elsewhere": "https://elsewhere:1"}))
    paths = os.pathsep.join([first, str(tmp_path / "absent"), second, third])
    assert of(Staging(namespace="risk"), tmp_path, KUBECONFIG=paths).configuration.host == "https://there:1"
    here = of(Staging(namespace="risk", context="here"), tmp_path, KUBECONFIG=paths)
    assert here.configuration.host == "https://here:1"
    assert here.place.context == "here"


def test_paths_are_meant_from_the_file_that_names_them(tmp_path: Path) -> None:
    written(tmp_path / "kube/ca.pem", "an authority")
    written(tmp_path / "kube/token", TOKEN)
    text = kubeconfig(HOST, {"tokenFile": "token"}, **{"certificate-authority": "ca.pem"})
    found = of(Staging(namespace="risk"), tmp_path, KUBECONFIG=written(tmp_path / "kube/config", text))
    assert found.configuration.ssl_ca_cert == str(tmp_path / "kube/ca.pem")
    assert token(found) == f"Bearer {TOKEN}"


def test_keys_that_stand_in_it_reach_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    user = {"client-certificate-data": in_base64("a certificate"), "client-key-data": in_base64(PRIVATE)}
    text = kubeconfig(HOST, user, **{"certificate-authority-data": in_base64("an authority")})
    monkeypatch.setenv("PLANTED_KUBECONFIG", text)
    found = of(Staging(namespace="risk", kubeconfig=Secret("env:PLANTED_KUBECONFIG")), tmp_path)
    configuration = found.configuration
    key, *others = (
        Path(str(one)) for one in (configuration.key_file, configuration.cert_file, configuration.ssl_ca_cert)
    )
    assert key.read_text() == PRIVATE
    assert [one.read_text() for one in others] == ["a certificate", "an authority"]
    assert key.stat().st_nlink == 0  # no folder has it
    assert list((tmp_path / "tmp").iterdir()) == []
    found.kept.close()
    assert not key.exists()


def test_a_context_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    file = written(tmp_path / "a", contexts("b", {"b": HOST, "a": HOST}))
    with pytest.raises(ConfigError, match=r"no context 'c', which staging\.context names") as no:
        of(Staging(namespace="risk", context="c"), tmp_path, KUBECONFIG=file)
    assert no.value.hint.endswith("a, b")


def test_no_current_context_and_none_set_names_those_that_are_there(tmp_path: Path) -> None:
    file = written(tmp_path / "a", contexts(None, {"a": HOST}))
    with pytest.raises(ConfigError, match="has no current context") as no:
        of(Staging(namespace="risk"), tmp_path, KUBECONFIG=file)
    assert "staging.context" in no.value.hint


def test_without_any_it_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is not there") as no:
        of(Staging(namespace="risk"), tmp_path, KUBECONFIG=str(tmp_path / "nowhere"))
    assert "staging.kubeconfig" in no.value.hint


def test_without_a_namespace_nothing_is_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"production\.namespace is not set"):
        opened(Production(), tmp_path, environ={})


@pytest.mark.parametrize(
    "text",
    [
        f"token: [{TOKEN}",
        f"- {TOKEN}",
        f"users: {TOKEN}",
        f"users: [{TOKEN}]",
        kubeconfig(HOST, {"client-key-data": f"%{TOKEN}"}),
        kubeconfig(""),
        kubeconfig("10.0.0.1:6443"),
        kubeconfig("https://[::1"),
        json.dumps({"current-context": "shop", "contexts": [{"name": "shop", "context": {"cluster": TOKEN}}]})[:-1],
    ],
    ids=[
        "no YAML",
        "a list",
        "users are text",
        "a user is text",
        "no base64",
        "no server",
        "no scheme",
        "no address",
        "cut off",
    ],
)
def test_what_cannot_be_read_is_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as no:
        of(Staging(namespace="risk"), tmp_path, KUBECONFIG=written(tmp_path / "a", text))
    assert TOKEN not in f"{no.value} {no.value.hint}"
    assert no.value.__cause__ is None
    assert str(tmp_path / "a") in no.value.message


def test_a_token_goes_over_no_network_in_the_clear(tmp_path: Path) -> None:
    file = written(tmp_path / "a", kubeconfig("http://10.0.0.1:8080"))
    with pytest.raises(ConfigError, match="https://"):
        of(Staging(namespace="risk"), tmp_path, KUBECONFIG=file)


@pytest.mark.parametrize("key", ["as", "as-groups"])
def test_one_who_is_to_act_as_another_does_not_act_as_himself(tmp_path: Path, key: str) -> None:
    file = written(tmp_path / "a", kubeconfig(HOST, {"token": TOKEN, key: ["somebody-with-less"]}))
    with pytest.raises(ConfigError, match="acts as another"):
        of(Staging(namespace="risk"), tmp_path, KUBECONFIG=file)


def program(folder: Path, lines: str) -> dict[str, Any]:
    """A user whose token a program prints."""
    path = folder / "login"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o700)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "args": []}}


def test_a_program_that_gives_the_token_is_run(tmp_path: Path) -> None:
    said = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "of-it"}}
    user = program(tmp_path, f"echo '{json.dumps(said)}'")
    file = written(tmp_path / "a", kubeconfig(HOST, user))
    assert token(of(Staging(namespace="risk"), tmp_path, KUBECONFIG=file)) == "Bearer of-it"


def test_a_program_that_fails_is_no_way_to_go_on_as_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    user = program(tmp_path, "echo 'your session has expired' >&2; exit 3")
    file = written(tmp_path / "a", kubeconfig(HOST, user))
    with pytest.raises(ConfigError, match="your session has expired"):
        of(Staging(namespace="risk"), tmp_path, KUBECONFIG=file)
    assert capfd.readouterr().err == ""


def test_what_else_goes_wrong_meanwhile_is_no_failure_of_the_login(
    tmp_path: Path, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    load: Any = KubeConfigLoader.load_and_set

    def noisy(loader: KubeConfigLoader, configuration: Configuration) -> None:
        logging.getLogger("another.thread").error("said at the same moment")
        load(loader, configuration)

    monkeypatch.setattr(KubeConfigLoader, "load_and_set", noisy)
    assert token(of(Staging(namespace="risk", kubeconfig=secret), tmp_path)) == f"Bearer {TOKEN}"


def test_where_the_server_is_not_to_be_trusted_nothing_warns_each_time(tmp_path: Path) -> None:
    file = written(tmp_path / "a", kubeconfig(HOST, None, **{"insecure-skip-tls-verify": True}))
    assert not of(Staging(namespace="risk"), tmp_path, KUBECONFIG=file).configuration.verify_ssl


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    tmp_path: Path, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    double.says("GET.*/configmaps/one", Answer(200, {"metadata": {"name": "one"}}))
    file = written(tmp_path / "a", kubeconfig(double.url))
    with opened(Staging(namespace="risk"), tmp_path, environ={"KUBECONFIG": file}) as cluster:
        assert cluster.get(CONFIG, "one") == {"metadata": {"name": "one"}}


def test_neither_the_token_nor_a_key_is_in_what_a_traceback_shows(tmp_path: Path, secret: Secret) -> None:
    found = of(Staging(namespace="risk", kubeconfig=secret), tmp_path)
    assert TOKEN not in repr(found) + repr(found.place)
