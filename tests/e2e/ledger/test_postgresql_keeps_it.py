"""The real PostgreSQL: the contract of all ledgers, the few rights it needs, and what happens when it goes away."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy
from sqlalchemy import make_url, text

from mlagent.adapters.ledgers import locks
from mlagent.adapters.ledgers.sql import SqlLedger
from mlagent.core.ports.ledger import entries
from mlagent.errors import Held, InfrastructureError, MlagentError
from mlagent.ledger.chain import faults
from tests.contract import ledger_places as places
from tests.contract.ledgers import Ledgers, Place, fact, forked, until_it_is_longer
from tests.contract.tampering import Tampering

SERVER = os.environ["MLAGENT_TEST_POSTGRES"]
TABLES = ("mlagent_ledger_entries", "mlagent_ledger_checkpoints", "mlagent_ledger_builds")
PASSWORD = "s3cret/@word"
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE :who"


class TestPostgresql(Ledgers, Tampering):
    @pytest.fixture
    def place(self) -> Iterator[Place]:
        with places.in_postgres() as found:
            yield found


class Ground(NamedTuple):
    """A schema, and the URL of somebody with fewer rights."""

    place: Place
    other: str

    @property
    def owner(self) -> str:
        """The URL of who may do all."""
        return self.place.url

    def do(self, *statements: str, **given: str) -> None:
        """As the owner."""
        engine = sqlalchemy.create_engine(self.owner, poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            for one in statements:
                connection.execute(text(one), given)


@pytest.fixture
def ground() -> Iterator[Ground]:
    with places.in_postgres() as place:
        schema = place.url.rpartition("%3D")[2]
        other = make_url(place.url).set(username=f"u{schema}", password=PASSWORD).render_as_string(hide_password=False)
        found = Ground(place, other)
        quoted = PASSWORD.replace("'", "''")
        found.do(f"CREATE ROLE u{schema} LOGIN PASSWORD '{quoted}'", f"GRANT USAGE ON SCHEMA {schema} TO u{schema}")
        yield found
        found.do(f"DROP OWNED BY u{schema}", f"DROP ROLE u{schema}")


def test_to_add_and_to_read_are_all_the_rights_it_needs(ground: Ground) -> None:
    SqlLedger(ground.owner).append(fact(1))
    user = make_url(ground.other).username
    ground.do(*(f"GRANT SELECT, INSERT ON {table} TO {user}" for table in TABLES))
    ledger = SqlLedger(ground.other)
    assert ledger.append(fact(2)).number == 2
    assert ledger.next_build() == 1
    ledger.seal(2, b"{}")
    assert list(ledger.checkpoints()) == [b"{}"]
    assert [one.fact.build for one in ledger.about("risk", "staging")] == [2, 1]
    with ledger.holding("risk", "ann"):
        pass
    engine = sqlalchemy.create_engine(ground.other, poolclass=sqlalchemy.NullPool)
    for change in ("UPDATE {} SET entry = ''", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"):
        with (
            pytest.raises(sqlalchemy.exc.ProgrammingError, match=r"permission denied|must be owner"),
            engine.begin() as it,
        ):
            it.execute(text(change.format(TABLES[0])))


def test_an_auditor_may_read_all_and_add_nothing(ground: Ground) -> None:
    SqlLedger(ground.owner).append(fact(1))
    ground.do(*(f"GRANT SELECT ON {table} TO {make_url(ground.other).username}" for table in TABLES))
    auditor = SqlLedger(ground.other)
    assert auditor.head().number == 1
    assert [one.fact.build for one in entries(auditor)] == [1]
    with pytest.raises(InfrastructureError, match="permission denied for table mlagent_ledger_entries") as caught:
        auditor.append(fact(2))
    assert "INSERT and SELECT on them are all it needs" in caught.value.hint


def test_who_may_not_make_its_tables_is_told_who_should(ground: Ground) -> None:
    with pytest.raises(InfrastructureError, match="permission denied for schema") as caught:
        SqlLedger(ground.other).head()
    assert "let an owner of the schema run `mlagent ledger show` once" in caught.value.hint


def test_what_is_looked_for_cannot_say_other_than_the_entry(ground: Ground) -> None:
    SqlLedger(ground.owner).append(fact())
    with pytest.raises(sqlalchemy.exc.ProgrammingError, match="model"):
        ground.do("UPDATE mlagent_ledger_entries SET model = 'other'")
    with pytest.raises(sqlalchemy.exc.DataError, match="json"):
        ground.do("UPDATE mlagent_ledger_entries SET entry = '{'")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong-s3cret"}, "password authentication failed"),
        ({"port": 1}, "refused"),
        ({"database": "nowhere"}, "does not exist"),
        ({"host": "nowhere.invalid"}, "nowhere.invalid"),
    ],
    ids=["password", "port", "database", "host"],
)
def test_where_it_cannot_be_reached_no_password_is_said(ground: Ground, change: dict[str, str], said: str) -> None:
    url = make_url(ground.other).set(**change)  # type: ignore[arg-type] # the port is a number
    with pytest.raises(InfrastructureError, match=said) as caught:
        SqlLedger(url.render_as_string(hide_password=False)).head()
    shown = f"{caught.value!r} {caught.value.message} {caught.value.hint}"
    assert str(url.password) not in shown
    assert "s3cret" not in shown
    assert "\n" not in caught.value.message


def test_connections_that_were_ended_are_made_anew(ground: Ground, tmp_path: Path) -> None:
    """As by a server that is restarted: what a writer was told is kept is kept, once, and the chain is whole."""
    told = tmp_path / "told"
    for round_ in range(3):
        before, process = ground.place.opened().head().number, forked(_append_stubbornly, ground.owner, told, round_)
        until_it_is_longer(ground.place, before)
        for _ in range(20):
            ground.do(ENDED, who="mlagent-test-writer")
        process.terminate()
        process.join()
    found = [one.fact.build for one in entries(ground.place.opened())]
    acknowledged = [int(line) for line in told.read_text().splitlines()]
    assert acknowledged
    assert set(acknowledged) <= set(found)
    assert len(set(found)) == len(found)
    assert faults(ground.place.opened().kept()) == []


def test_what_is_held_is_free_once_its_connection_is_lost(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.3)
    ledger = SqlLedger(ground.owner)
    with ledger.holding(
        "risk", "Änn with a name that is so long that it does not fit into where PostgreSQL keeps names"
    ):
        with pytest.raises(Held, match=r"risk is held by .+nn with a name"), ledger.holding("risk", "bob"):
            pass
        ground.do(ENDED, who="%nn with a name%")
        with ledger.holding("risk", "bob"):
            pass


def _append_stubbornly(url: str, told: Path, round_: int) -> None:
    ledger = SqlLedger(f"{url}&application_name=mlagent-test-writer")
    for build in count(round_ * 1_000_000):
        try:
            ledger.append(fact(build))
        except MlagentError as error:
            assert isinstance(error, InfrastructureError)
        else:
            with told.open("a") as file:
                file.write(f"{build}\n")
