"""kill -9 before, while and after any question and any write: the next attempt leaves one of each, and then the tag."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mlagent.adapters.signing import attached
from mlagent.trust import origins, provenance, verdicts
from tests.e2e.signing.conftest import Signed, cosign
from tests.e2e.signing.once import Request
from tests.parts.keys import on_path
from tests.signing_house import PATH

ROOT = Path(__file__).parents[3]
KINDS = (provenance.TYPE, origins.SBOM, verdicts.TYPE)
# what the first signing asks cosign for, the last four at once
FIRST = ("public-key", "sign", "attest", "attest", "attest", "sign-blob", "verify", *["verify-attestation"] * 3)
WRITES = [at for at, command in enumerate(FIRST) if command in ("sign", "attest")]
# a later build, whose provenance takes the place of the first one's
LATER = ("public-key", "verify", "verify-attestation", "attest")
WHEN = {
    "before": "kill -9 $PPID",
    "while": '(sleep {pause}; kill -9 {parent}) > /dev/null 2>&1 &\nexec {cosign} "$@"',
    "after": '{cosign} "$@"; kill -9 $PPID',
}
KILLER = """\
#!/bin/sh
case "$*" in *--help*) exec {cosign} "$@" ;; esac
count=$( (flock 7; echo "$1" >&7; wc -l < {asked}) 7>> {asked} ) # several may ask at once
if [ "$count" = {at} ]; then
  {kill}
fi
exec {cosign} "$@"
"""


def once(release: Signed, program: str, build: int = 7) -> int:
    """The exit status of one attempt."""
    here, keys = release.here, release.keys
    request = Request(
        house=str(release.house.folder),
        host=release.house.host,
        ca=str(here.registry.ca),
        password=str(here.folder / "password"),
        key=str(keys.private),
        key_password=str(keys.password),
        build=build,
    )
    file = here.folder / "request.json"
    file.write_bytes(msgspec.json.encode(request))
    command = [sys.executable, "-m", "tests.e2e.signing.once", str(file)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": on_path(here.folder / "bin", program)}
    with (here.folder / "log").open("wb") as log:
        return subprocess.run(command, cwd=ROOT, env=env, stdout=log, stderr=log, check=False).returncode


def killer(folder: Path, at: int, when: str) -> str:
    """A cosign that ends whoever calls it, at one of the calls."""
    path, asked = folder / "killer", folder / "asked"
    asked.unlink(missing_ok=True)
    pause = 0.05 if at in WRITES else 0  # in the middle of a write; of a question as soon as it is asked
    kill = WHEN[when].format(cosign=cosign(), parent="$PPID", pause=pause)
    path.write_text(KILLER.format(cosign=cosign(), asked=asked, at=at + 1, kill=kill))
    path.chmod(0o755)
    return str(path)


def asked(folder: Path) -> tuple[str, ...]:
    return tuple((folder / "asked").read_text().split())


def must_be_whole(release: Signed, build: int = 7) -> None:
    """One of everything, and the tag."""
    assert release.counted() == dict.fromkeys(KINDS, 1)
    assert release.signer.attached(release.house.image).signatures == 1
    found = release.said(provenance.TYPE)["buildDefinition"]["internalParameters"]["build"]
    assert found == build
    names = {attached.tag(release.house.image, kind) for kind in ("sig", "att")}
    assert set(release.here.registry.tags(PATH)) == {"v3", *names}
    assert release.verify().returncode == 0


def test_without_a_kill_it_asks_what_these_tests_kill_it_at(pushed: Signed) -> None:
    folder = pushed.here.folder
    assert once(pushed, killer(folder, 999, "before")) == 0, (folder / "log").read_text()
    assert (*asked(folder)[:-4], *sorted(asked(folder)[-4:])) == FIRST
    assert once(pushed, killer(folder, 999, "before"), build=8) == 0
    assert asked(folder)[: len(LATER)] == LATER
    must_be_whole(pushed, build=8)


def kill_and_go_on(pushed: Signed, at: int, when: str) -> None:
    folder = pushed.here.folder
    assert once(pushed, killer(folder, at, when)) == -signal.SIGKILL, (folder / "log").read_text()
    assert "v3" not in pushed.here.registry.tags(PATH)
    assert once(pushed, cosign()) == 0, (folder / "log").read_text()
    must_be_whole(pushed)


@pytest.mark.parametrize("at", WRITES)
def test_it_is_killed_after_a_write(pushed: Signed, at: int) -> None:
    kill_and_go_on(pushed, at, "after")


def test_it_is_killed_before_the_tag(pushed: Signed) -> None:
    kill_and_go_on(pushed, len(FIRST) - 1, "after")


@pytest.mark.long
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("at", range(len(FIRST)))
def test_it_is_killed_anywhere(pushed: Signed, at: int, when: str) -> None:
    kill_and_go_on(pushed, at, when)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_later_build_is_killed_between_its_statement_and_the_removal_of_the_earlier_one(
    signed: Signed, when: str
) -> None:
    folder = signed.here.folder
    assert once(signed, killer(folder, LATER.index("attest"), when), build=8) == -signal.SIGKILL
    kept = signed.signer.attestations(signed.house.image, provenance.TYPE, signed.signer.by())
    assert len(kept) == {"before": 1, "after": 2}[when]
    assert once(signed, cosign(), build=8) == 0, (folder / "log").read_text()
    must_be_whole(signed, build=8)
