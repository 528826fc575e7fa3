"""Whatever registers images does it like this: the fake, and the client before a double of a registry."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlagent.adapters.memory_images import MemoryImages
from mlagent.adapters.oci_registry import opened
from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.core.oci import parse
from mlagent.core.ports.images import ImageRegistry
from tests.certificates import certificates
from tests.contract.image_registries import ImageRegistries
from tests.registry_server import PASSWORD, USER, serving

KINDS = ("memory", "open", "basic", "bearer", "tls and bearer", "with its own list")


class TestImageRegistries(ImageRegistries):
    @pytest.fixture(params=KINDS)
    def registry(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ImageRegistry]:
        if request.param == "memory":
            yield MemoryImages()
            return
        made = certificates(tmp_path / "tls") if "tls" in request.param else None
        (tmp_path / "password").write_text(PASSWORD)
        with serving((made.certificate, made.key) if made else None) as double:
            double.lists_referrers = request.param == "with its own list"
            double.login = "none" if request.param in ("open", "with its own list") else request.param.split()[-1]
            login = {"username": USER, "password": Secret("file:password", tmp_path)} if double.login != "none" else {}
            settings = Registry(ca=str(made.ca) if made else None, **login)  # type: ignore[arg-type]
            with opened(parse(f"{double.host}/acme/risk"), settings, tmp_path, environ={}) as registry:
                yield registry
