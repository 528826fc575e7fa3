"""What lies beside the image: the approvals that are stated there, and statements that somebody else puts there."""

import msgspec

from mlagent import adapters
from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.core.oci import parse
from mlagent.core.ports.signer import PublicKey
from mlagent.trust import statement
from mlagent.trust.approval import document
from mlagent.trust.approval.document import Approval
from tests.e2e.approvals.office import Office
from tests.parts.keys import Pair


def attested(here: Office) -> list[Approval]:
    """What is stated of the image by the platform's key, of the builds of this controller."""
    by = PublicKey(here.bed.keys.public.read_text())
    verifier = adapters.verifier(_registry(here), here.project)
    found = verifier.attestations(parse(here.bed.image(here.project)), document.TYPE, by)
    all_ = [document.parse(statement.parse(statement.opened(one)).predicate) for one in found]
    return [one for one in all_ if one.question.build.startswith(here.double.url)]


def state(here: Office, approval: Approval, keys: Pair) -> None:
    """Put a statement there, signed by these keys."""
    key, password = (Secret(f"file:{one}") for one in (keys.private, keys.password))
    signer = adapters.signer(_registry(here), here.project, key=key, password=password)
    file = here.folder / "stated.json"
    file.write_bytes(msgspec.json.encode(approval))
    signer.attest(parse(here.bed.image(here.project)), document.TYPE, file)


def _registry(here: Office) -> Registry:
    found = here.bed.registry
    where, password = f"{found.host}/insurer/risk", Secret("env:TEAM_PASSWORD")
    return Registry(repository=where, username="team", password=password, ca=str(found.ca))
