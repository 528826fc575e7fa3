"""A real container registry on loopback, for the time of a test: plain, or with TLS and a password."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER, PASSWORD = "team", "pass word/of+the team"
SUBJECT = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Registry:
    """`docker-registry serve`; it can be killed and started again at the same port, over what it had."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        """Write its configuration, and a certificate and a password where it asks for these."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.tls, self.port = folder, tls, free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.ca = folder / "ca.crt"
        http: dict[str, object] = {"addr": self.host, "secret": "so that an upload outlives it"}
        storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
        config: dict[str, object] = {"version": 0.1, "log": {"level": "info"}, "storage": storage, "http": http}
        if tls:
            http["tls"] = {"certificate": str(self.ca), "key": str(certificate(self.ca))}
            (folder / "htpasswd").write_text(hashed(USER, PASSWORD))
            config["auth"] = {"htpasswd": {"realm": "registry", "path": str(folder / "htpasswd")}}
        (folder / "config.json").write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http{'s' if self.tls else ''}://{self.host}"

    @property
    def log(self) -> str:
        """What it wrote: a line each request."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Return when it listens."""
        command = ["docker-registry", "serve", str(self.folder / "config.json")]
        env = os.environ | {"OTEL_TRACES_EXPORTER": "none"}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
        end = time.monotonic() + 60
        while True:
            assert self._process.poll() is None, self.log
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it at once, in the middle of whatever it does; nothing where it does not run."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def has(self, repository: str, digest: str) -> bool:
        """Whether it keeps that manifest, looked up in its own folder."""
        algorithm, _, name = digest.partition(":")
        return (self._manifests(repository) / "revisions" / algorithm / name / "link").exists()

    def tags(self, repository: str) -> list[str]:
        """Its tags."""
        return sorted(path.name for path in self._manifests(repository).glob("tags/*"))

    def _manifests(self, repository: str) -> Path:
        return self.folder / "data/docker/registry/v2/repositories" / repository / "_manifests"

    def skopeo(self, *, cert: str = "--cert-dir", creds: str = "--creds") -> list[str]:
        """What skopeo is told to reach it, by the names that its command has for these options."""
        if not self.tls:
            return [cert.replace("cert-dir", "tls-verify=false")]
        return [f"{cert}={self.folder}", f"{creds}={USER}:{PASSWORD}"]


@contextmanager
def registry(folder: Path, *, tls: bool = False) -> Iterator[Registry]:
    """One that runs until the block ends."""
    made = Registry(folder, tls=tls)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def certificate(to: Path) -> Path:
    """A certificate for loopback, signed by itself; where its key is."""
    key = to.with_suffix(".pem")
    made = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    command = ["openssl", "req", *made, *SUBJECT, "-keyout", str(key), "-out", str(to)]
    subprocess.run(command, check=True, capture_output=True)
    return key


def hashed(user: str, password: str) -> str:
    """A line of an htpasswd file, by bcrypt, which is the only hash that the registry reads."""
    command = ["htpasswd", "-niBC", "5", user]
    return subprocess.run(command, input=password, text=True, check=True, capture_output=True).stdout
