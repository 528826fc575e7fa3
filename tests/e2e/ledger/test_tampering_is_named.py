"""Whatever is changed past mlagent, in a real PostgreSQL or MLflow, is found, named, and blocks until answered for."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from mlflow import MlflowClient

from mlagent.cli.ledger import around
from mlagent.core.digest import canonical_json, of_bytes, of_file
from mlagent.core.ports.ledger import Entry, Fact
from mlagent.engine.clock import now
from mlagent.ledger import checkpoint
from tests.e2e.ledger import servers
from tests.e2e.ledger.servers import Mlflow, ask
from tests.parts.keys import Pair, on_path, pair
from tests.unit.cli.ledger.ledger_house import Reader, Said

MODEL = "digits"
LEDGER = "\nledger:\n  database: env:LEDGER_DATABASE\n  key: env:LEDGER_KEY\n  password: env:LEDGER_PASSWORD\n"
ROWS = "SELECT number, entry FROM mlagent_ledger_entries ORDER BY number"
SEALS = "SELECT digest, size, checkpoint FROM mlagent_ledger_checkpoints"
FORGED = of_bytes(b"another image")


class House(NamedTuple):
    """A project whose release is in staging, by its own run; its database, and MLflow as its administrator sees it."""

    reader: Reader
    database: str
    client: MlflowClient
    others: Pair

    def types(self, *words: str) -> Said:
        return self.reader.types(*words)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        return ask(self.database, statement)

    def entries(self) -> list[tuple[int, str]]:
        return [(int(str(number)), str(entry)) for number, entry in self.sql(ROWS)]

    def add(self, number: int, entry: str) -> None:
        """As whoever owns the table can."""
        escaped = entry.replace("'", "''")
        self.sql(f"INSERT INTO mlagent_ledger_entries (number, entry) VALUES ({number}, '{escaped}')")  # noqa: S608

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """The ledger afterwards is as it was."""
        rows, seals = self.entries(), self.sql(SEALS)
        try:
            yield
        finally:
            self.sql("TRUNCATE mlagent_ledger_entries, mlagent_ledger_checkpoints")
            for number, entry in rows:
                self.add(number, entry)
            for digest, size, text in seals:
                self.sql(f"INSERT INTO mlagent_ledger_checkpoints VALUES ('{digest}', {size}, '{text}')")  # noqa: S608

    def found(self) -> dict[str, str]:
        """What `reconcile` names: its sentences by their ids."""
        said = json.loads(self.types("ledger", "reconcile", "--json").out)
        return {one["id"]: one["says"] for one in said["findings"]}


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory,
    finished: tuple[Path, subprocess.CompletedProcess[str]],
    mlflow: Mlflow,
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("tampering")
    project = Path(shutil.copytree(finished[0], folder / MODEL, symlinks=True))
    keys, others = pair(folder / "keys"), pair(folder / "keys", "another")
    shutil.copy(keys.public, project / "ledger.pub")
    yaml = project / "mlpipeline.yaml"
    with servers.database() as database, pytest.MonkeyPatch.context() as patched:
        told = {
            "PATH": on_path(folder / "bin", os.environ["MLAGENT_TEST_COSIGN"]),
            "LEDGER_DATABASE": database,
            "LEDGER_KEY": keys.private.read_text(),
            "LEDGER_PASSWORD": keys.spoken,
            "MLFLOW_TRACKING_USERNAME": mlflow.user,  # MLflow reads them there alone; mlagent sets them, too
            "MLFLOW_TRACKING_PASSWORD": mlflow.password,
        }
        for name, text in (mlflow.env | told).items():
            patched.setenv(name, text)
        reader = Reader(project, f"{yaml.read_text()}{LEDGER}  public_key: ledger.pub\n")
        reader.env |= mlflow.env
        made = House(reader, database, MlflowClient(mlflow.url), others)
        for reason in ("new rows", "new rows again", "as every week"):  # a run tells one ledger only, and did
            told_of = Fact(
                what="retrained", model=MODEL, who="jenkins", time=now(), release="", details={"reason": reason}
            )
            reader.ledger.append(told_of)
        for words in (("run",), ("promote", "--env", "staging")):
            ended = made.types(*words)
            assert ended.code == 0, ended
        (folder / "other.onnx").write_bytes(b"another model")
        reader.app().workspace().registry.register(MODEL, of_file(folder / "other.onnx"), {}, folder / "other.onnx")
        yield made


def test_what_nobody_touched_is_whole_and_as_it_is_told(house: House) -> None:
    verified = house.types("ledger", "verify")
    assert verified.code == 0, verified
    assert "signatures by" in verified.out
    assert house.types("ledger", "reconcile").code == 0
    assert house.client.get_model_version_by_alias(MODEL, "staging").version == "1"
    assert house.client.get_model_version(MODEL, "1").tags["mlagent.stage"] == "Staging"


def edited(house: House) -> None:
    number, entry = house.entries()[1]
    house.sql(
        f'UPDATE mlagent_ledger_entries SET entry = replace(entry, \'"who":"\', \'"who":"not \') '  # noqa: S608
        f"WHERE number = {number}"
    )
    assert dict(house.entries())[number] != entry


def reordered(house: House) -> None:
    rows = dict(house.entries())
    house.sql("DELETE FROM mlagent_ledger_entries WHERE number IN (2, 3)")
    house.add(2, rows[3])
    house.add(3, rows[2])


def deleted(house: House) -> None:
    house.sql("DELETE FROM mlagent_ledger_entries WHERE number = 2")


def cut_off(house: House) -> None:
    last = house.entries()[-1][0]
    house.sql(f"DELETE FROM mlagent_ledger_entries WHERE number >= {last}")  # noqa: S608
    house.sql(f"DELETE FROM mlagent_ledger_checkpoints WHERE size >= {last}")  # noqa: S608


def set_back(house: House) -> None:
    """A whole entry, chained as it should be, of a time that has been."""
    number, entry = house.entries()[-1]
    before = msgspec.json.decode(entry, type=Entry).fact
    past = Fact(what="promoted", model=MODEL, who="ann", time="2020-01-01T00:00:00.000+00:00", release=before.release)
    new = Entry(number=number + 1, previous=of_bytes(entry.encode()), fact=past)
    house.add(number + 1, canonical_json(new).decode())


def written_anew(house: House) -> None:
    """Every entry, in a chain that is whole, and no checkpoint beside it that could speak against it."""
    rows, previous = house.entries(), ""
    house.sql("TRUNCATE mlagent_ledger_entries, mlagent_ledger_checkpoints")
    for number, text in rows:
        entry = msgspec.json.decode(text, type=Entry)
        other = msgspec.structs.replace(entry.fact, who="somebody else")
        data = canonical_json(Entry(number=number, previous=previous, fact=other))
        house.add(number, data.decode())
        previous = of_bytes(data)


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        (edited, "entry 2 was changed"),
        (reordered, "the order was changed"),
        (deleted, "entry 2 is missing"),
        (cut_off, "cut off"),
        (set_back, "the clock was set back"),
        (written_anew, "rewritten"),
    ],
    ids=["edited", "reordered", "deleted", "cut off", "clock set back", "written anew"],
)
def test_a_change_in_the_database_is_named_and_blocks(house: House, tamper: Callable[[House], None], said: str) -> None:
    with house.put_back():
        tamper(house)
        verified = house.types("ledger", "verify")
        assert verified.code == 12
        assert said in verified.out + verified.err
        refused = house.types("promote", "--env", "staging")
        assert refused.code == 12, refused
        assert "mlagent ledger acknowledge" in refused.err
    assert house.types("ledger", "verify").code == 0


def test_a_checkpoint_by_another_key_is_named(house: House) -> None:
    """All is written anew, and sealed by who has a key, though not the platform's."""
    before = house.client.get_model_version(MODEL, "1").tags["mlagent.ledger.checkpoint"]
    with house.put_back(), pytest.MonkeyPatch.context() as patched:
        written_anew(house)
        patched.setenv("LEDGER_KEY", house.others.private.read_text())
        patched.setenv("LEDGER_PASSWORD", house.others.spoken)
        sign = around.signer(house.reader.app())
        forged = checkpoint.write(checkpoint.take(house.reader.ledger, now(), sign))
        house.client.set_model_version_tag(MODEL, "1", "mlagent.ledger.checkpoint", forged.decode())
        verified = house.types("ledger", "verify")
        assert verified.code == 12
        assert "another key" in verified.out
    house.client.set_model_version_tag(MODEL, "1", "mlagent.ledger.checkpoint", before)
    assert house.types("ledger", "verify").code == 0


def test_an_alias_moved_by_hand_blocks_until_a_person_answers_for_it(house: House) -> None:
    house.client.set_registered_model_alias(MODEL, "staging", "2")
    _is_named_and_acknowledged(house, "alias staging")
    house.client.set_registered_model_alias(MODEL, "staging", "1")
    assert house.types("ledger", "reconcile").code == 0


def test_a_forged_tag_blocks_until_a_person_answers_for_it(house: House) -> None:
    before = house.client.get_model_version(MODEL, "1").tags["mlagent.release"]
    house.client.set_model_version_tag(MODEL, "1", "mlagent.release", FORGED)
    _is_named_and_acknowledged(house, "release")
    house.client.set_model_version_tag(MODEL, "1", "mlagent.release", before)
    assert house.types("ledger", "reconcile").code == 0


def test_a_deleted_version_blocks_until_a_person_answers_for_it(house: House) -> None:
    house.client.delete_model_version(MODEL, "1")
    _is_named_and_acknowledged(house, "version 1")


def _is_named_and_acknowledged(house: House, word: str) -> None:
    found = house.found()
    assert any(word in says for says in found.values()), found
    assert house.types("ledger", "reconcile").code == 12
    refused = house.types("promote", "--env", "staging")
    assert refused.code == 12
    assert all(one in refused.err for one in found)
    said = house.types("ledger", "acknowledge", *found, "--by", "Ada Lovelace", "--reason", "it was tried out")
    assert said.code == 0, said
    assert house.types("ledger", "reconcile").code == 0
    (*_, (_, last)) = house.entries()
    fact = msgspec.json.decode(last, type=Entry).fact
    assert (fact.what, fact.who) == ("acknowledged", "Ada Lovelace")
