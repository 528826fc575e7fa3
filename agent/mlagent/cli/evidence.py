"""`mlagent evidence`: what shows that a release is what it is said to be, in one archive that stands alone."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlagent.cli import environments, platform
from mlagent.cli.app import App
from mlagent.cli.ledger import around
from mlagent.cli.options import out_option

if TYPE_CHECKING:
    from mlagent.adapters.oci_registry.client import RegistryClient
    from mlagent.core.oci import Reference
    from mlagent.core.ports.signer import PublicKey
    from mlagent.engine.pack import Given
    from mlagent.engine.record import RunRecord
    from mlagent.engine.workspace import Workspace
    from mlagent.ledger.checkpoint import Sealed, Sign

FILE = "evidence.zip"


@click.command()
@click.argument("run_id", metavar="[RUN]", required=False)
@out_option(f"The archive (default: {FILE} in the run's folder).")
@click.pass_obj
def evidence(app: App, run_id: str | None, out: Path | None) -> None:
    """Pack the evidence of a run (default: the one begun last) for those who have neither mlagent nor its registries.

    Report, card, release record, verdicts, SBOM, signed statements, the ledger's entries about it with proofs; and
    verify.py, which checks it all with Python alone, and signatures with cosign (agent/docs/evidence.md).
    """
    from mlagent.core.files import write_whole
    from mlagent.engine.pack import pack

    workspace = app.workspace()
    run = workspace.named(run_id)
    packed = pack(workspace, run, _given(app, workspace, run))
    folder = workspace.run_folder(run.run_id)
    if out is None:
        folder.mkdir(parents=True, exist_ok=True)
    path = (out or folder / FILE).absolute()
    write_whole(path, packed.data)
    for name, why in packed.absent.items():
        click.echo(app.mask(f"not in it: {name}: {why}"))
    click.echo(f"wrote {path}: {packed.files} files, {len(packed.data):,} bytes; `python3 verify.py` in it checks them")


def _given(app: App, workspace: "Workspace", run: "RunRecord") -> "Given":
    from mlagent import adapters
    from mlagent.cli.report import html
    from mlagent.engine.pack import Given

    keys = _keys(app)
    return Given(
        page=html(app, workspace, run),
        keys=keys,
        good=around.good(app, keys),
        verifier=lambda: adapters.verifier(app.settings().sections["registry"], app.project),
        images=partial(_images, app),
        sign=_signer(app),
        seal=partial(_seal, app, workspace),
    )


def _images(app: App, where: "Reference") -> "RegistryClient":
    from mlagent import adapters

    return adapters.image_registry(where, app.settings().sections["registry"], app.project)


def _seal(app: App, workspace: "Workspace") -> "Sealed":
    """Signed as a promotion does it: once the ledger was verified."""
    from mlagent.engine.clock import now
    from mlagent.ledger.sealing import take

    model = environments.model(app)
    with workspace.ledger.holding(model, environments.who()):
        around.refuse(app, workspace, "no evidence is packed: its entries would have to be sealed")
        return take(workspace.ledger, model, now(), _signer(app))


def _signer(app: App) -> "Sign | None":
    """None where there is no key, or not here: whoever asks for evidence need not have it."""
    key = app.settings().sections["ledger"].key
    return None if key and key.peek() is None else around.signer(app)


def _keys(app: App) -> "Mapping[str, PublicKey]":
    """All that are known here: whose signatures on images, statements and checkpoints count."""
    from mlagent.adapters import sealing
    from mlagent.trust import witnessing

    sections = app.settings().sections
    ledger, sign = sections["ledger"].public_key, sections["sign"].public_key
    found = dict(witnessing.keys_of(None, platform.written(app, None), None, app.project))
    found |= witnessing.keys_of(ledger, platform.written(app, None), sign, app.project)
    if sign:
        found |= witnessing.one(app.project / Path(sign).expanduser(), f"sign.public_key ({sign})")
    return {**found, **sealing.own(sections["ledger"], sections["sign"], sections["registry"], app.project)}
