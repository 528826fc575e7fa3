"""Whoever may write to the registry, and has no key, lays a statement of their own around a signed one."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mlagent.adapters.signing import attached
from mlagent.core.digest import of_bytes
from mlagent.trust import statement, verdicts
from tests.e2e.signing.conftest import Signed
from tests.signing_house import PATH

Forge = Callable[[str, str], str]


def other_case(good: str, evil: str) -> str:
    """To cosign `Payload` is `payload`, and the last one counts."""
    return f'{{"payload":{json.dumps(evil)},' + good.replace('"payload":', '"Payload":')[1:]


def own_line(good: str, evil: str) -> str:
    """Cosign prints what lies there: a line of it is an envelope that nobody signed."""
    line = json.dumps({**json.loads(good), "payload": evil})
    return f'{good.rstrip()[:-1]},"more":\n{line}\n}}'


def lay(signed: Signed, forge: Forge) -> None:
    """Verdicts of today, beside those that were signed."""
    image, now = signed.house.image, datetime.now(UTC).isoformat(timespec="milliseconds")
    (good,) = signed.signer.attestations(image, verdicts.TYPE, signed.signer.by())
    told = json.loads(statement.opened(good))
    for one in told["predicate"]["verdicts"]:
        one["ended"] = now
    evil = base64.b64encode(json.dumps(told).encode()).decode()
    file = signed.folder / "forged"
    file.write_text(forge(good.decode(), evil))
    data, name = file.read_bytes(), attached.tag(image, "att")
    with signed.here.client(image) as client:
        client.push(PATH, of_bytes(data), lambda: file)
        there = client.manifest(PATH, name)
        assert there is not None
        manifest = json.loads(there.data)
        (like,) = [one for one in manifest["layers"] if one["annotations"].get("predicateType") == verdicts.TYPE]
        manifest["layers"].append({**like, "digest": of_bytes(data), "size": len(data)})
        client.put_manifest(PATH, json.dumps(manifest).encode(), there.media_type, name)


@pytest.mark.parametrize("forge", [other_case, own_line])
def test_fresh_verdicts_that_nobody_signed_do_not_count(signed: Signed, forge: Forge) -> None:
    lay(signed, forge)
    assert len(signed.signer.attestations(signed.house.image, verdicts.TYPE, signed.signer.by())) == 2, (
        "cosign prints it"
    )
    assert "too old" in signed.refused("--env", "production")["verdict gate"]
    assert signed.verify().returncode == 0
