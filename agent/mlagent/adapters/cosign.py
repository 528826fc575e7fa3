"""Signatures by the cosign program: https://docs.sigstore.dev. It speaks to the registry itself."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlagent.adapters.oci_registry import login, opened
from mlagent.adapters.signing import attached, keys, printed, private
from mlagent.adapters.signing.keys import Key
from mlagent.adapters.signing.program import Ended, Option, Program
from mlagent.adapters.signing.refusals import AWAY, BAD_BLOB, NONE, refused
from mlagent.config.images import Registry
from mlagent.core.digest import Digest
from mlagent.core.oci import Reference
from mlagent.core.ports.signer import Attached, By, Identity, PublicKey
from mlagent.errors import ConfigError

# signatures lie where every verifier looks for them, whatever a later cosign does by itself
CLASSIC = (Option("--new-bundle-format", "false", needed=False), Option("--use-signing-config", "false", needed=False))
NO_LOG = Option("--insecure-ignore-tlog", "true")


class CosignVerifier:
    """The Verifier port; may be shared by threads."""

    def __init__(self, program: Program, registry: Registry, project: Path, *, transparency_log: bool = False) -> None:
        """Who asks registries is said in `registry`; its repository does not count."""
        self._program, self._registry, self._project = program, registry, project
        self._log = transparency_log
        self._logins: dict[str, login.Login] = {}
        self._lock = threading.Lock()

    def attached(self, reference: Reference) -> Attached:
        """By the registry's client."""
        with opened(reference, self._registry, self._project, named="the image") as images:
            return attached.read(images, reference)

    def signatures(self, reference: Reference, by: By) -> Sequence[Digest]:
        """`cosign verify` holds each against the digest that is asked for."""
        ended = self._verified("verify", reference, by, [])
        if ended is None:
            return ()
        said = json.loads(ended.output)
        return tuple(str(one["critical"]["image"]["docker-manifest-digest"]) for one in said)

    def attestations(self, reference: Reference, predicate_type: str, by: By) -> Sequence[bytes]:
        """`cosign verify-attestation` prints each as it lies there."""
        ended = self._verified("verify-attestation", reference, by, [Option("--type", predicate_type)])
        return () if ended is None else tuple(printed.values(ended.output))

    def verify_blob(self, file: Path, signature: bytes, by: By) -> bool:
        """`cosign verify-blob`."""
        with self._place(None) as place:
            (place / "signature").write_bytes(signature)
            options = [*self._trusted(by, place), Option("--signature", str(place / "signature"))]
            ended = self._run("verify-blob", options, [str(file.resolve())], place)
        if ended.status and not BAD_BLOB.search(ended.said):
            raise self._refused("verify-blob", ended)
        return ended.status == 0

    def _verified(self, command: str, reference: Reference, by: By, options: list[Option]) -> Ended | None:
        """None where nothing verifies."""
        with self._place(reference) as place:
            whole = [*self._trusted(by, place), *options, *self._reaching()]
            ended = self._run(command, whole, [_named(reference)], place)
        if ended.status == 0:
            return ended
        if NONE.search(ended.said) and not AWAY.search(ended.said):
            return None
        raise self._refused(command, ended)

    def _trusted(self, by: By, place: Path) -> list[Option]:
        ignored = [] if self._log else [NO_LOG]
        if isinstance(by, Identity):
            subject, issuer = Option("--certificate-identity", by.subject), by.issuer
            return [subject, Option("--certificate-oidc-issuer", issuer), *ignored, *CLASSIC]
        (place / "key.pub").write_text(by.pem)
        return [Option("--key", str(place / "key.pub")), *ignored, *CLASSIC]

    def _reaching(self) -> list[Option]:
        found = [Option("--allow-http-registry", "true")] if self._registry.plain_http else []
        if self._registry.ca:
            found.append(Option("--registry-cacert", str(self._project / Path(self._registry.ca).expanduser())))
        return found

    @contextmanager
    def _place(self, reference: Reference | None) -> Iterator[Path]:
        host = reference.host if reference else ""
        with self._lock:
            if host and host not in self._logins:
                self._logins[host] = login.of(self._registry, "registry.", host, os.environ)
        with private.folder(host, self._logins.get(host)) as place:
            yield place

    def _run(
        self,
        command: str,
        options: Sequence[Option],
        arguments: Sequence[str],
        place: Path,
        key: Key = keys.NOBODY,
        *,
        writes: bool = False,
    ) -> Ended:
        secrets = key.secrets.union(*(one.secrets for one in self._logins.values()))
        return self._program.run(
            command,
            options,
            [*key.arguments, *arguments],
            {**key.environment, "DOCKER_CONFIG": str(place)},
            passed=(*key.passed, *(keys.LOG if self._log else ())),
            secrets=secrets,
            writes=writes,
        )

    def _refused(self, command: str, ended: Ended, key: Key = keys.NOBODY) -> Exception:
        return refused(command, ended.said, key.named)


class CosignSigner(CosignVerifier):
    """The Signer port."""

    def __init__(
        self,
        program: Program,
        registry: Registry,
        project: Path,
        key: Key,
        *,
        by: By | None = None,
        transparency_log: bool = False,
    ) -> None:
        """`by` is whom its signatures verify by; without one the key is asked for its public half."""
        super().__init__(program, registry, project, transparency_log=transparency_log)
        self._key, self._by = key, by

    def by(self) -> By:
        """Asked once."""
        if self._by is None:
            with self._place(None) as place:
                ended = self._run("public-key", [], [], place, self._key)
            if ended.status:
                raise self._refused("public-key", ended, self._key)
            self._by = PublicKey(ended.output.decode())
        return self._by

    def sign(self, reference: Reference) -> None:
        """`cosign sign`."""
        self._write("sign", [], reference)

    def attest(self, reference: Reference, predicate_type: str, predicate: Path) -> None:
        """`cosign attest`: by its full type, so that the predicate stays as it is."""
        options = [Option("--type", predicate_type), Option("--predicate", str(predicate.resolve()))]
        self._write("attest", options, reference)

    def withdraw(self, reference: Reference, envelopes: Sequence[bytes]) -> None:
        """Not by `--replace`, which takes away what others attested, too."""
        with opened(reference, self._registry, self._project) as images:
            attached.withdraw(images, reference, envelopes)

    def sign_blob(self, file: Path) -> bytes:
        """`cosign sign-blob`."""
        with self._place(None) as place:
            ended = self._run("sign-blob", self._logging(), [str(file.resolve())], place, self._key)
        if ended.status:
            raise self._refused("sign-blob", ended, self._key)
        return ended.output.strip()

    def _write(self, command: str, options: Sequence[Option], reference: Reference) -> None:
        with self._place(reference) as place:
            whole = [*options, *self._logging(), *self._reaching()]
            ended = self._run(command, whole, [_named(reference)], place, self._key, writes=True)
        if ended.status:
            raise self._refused(command, ended, self._key)

    def _logging(self) -> list[Option]:
        return [Option("--yes", "true"), Option("--tlog-upload", "true" if self._log else "false"), *CLASSIC]


def _named(reference: Reference) -> str:
    """By digest, never by tag; Docker Hub by the name that Docker's tools give it."""
    if reference.digest is None:
        raise ConfigError(f"{reference} has no digest", hint="an image is signed by its digest: NAME@sha256:…")
    host = "index.docker.io" if reference.host == "docker.io" else reference.host
    return f"{host}/{reference.path}@{reference.digest}"
