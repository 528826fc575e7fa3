"""An MLflow server that asks who comes, and a database of PostgreSQL for one ledger."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from tests.e2e.conftest import free_port, wait_until_it_answers

AUTH = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/auth.db
admin_username = {user}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 600
auth_cache_max_size = 100
"""


class Mlflow(NamedTuple):
    """Where it answers, and whom."""

    url: str
    user: str
    password: str

    @property
    def env(self) -> dict[str, str]:
        """How `mlagent` is told of it."""
        return {
            "MLAGENT_TRACKING_URI": self.url,
            "MLAGENT_TRACKING_USERNAME": self.user,
            "MLAGENT_TRACKING_PASSWORD": "env:TEAM_MLFLOW",
            "TEAM_MLFLOW": self.password,
        }


@contextmanager
def mlflow(folder: Path) -> Iterator[Mlflow]:
    """A real server on loopback with a SQL store and its own authentication on."""
    made = Mlflow(f"http://127.0.0.1:{free_port()}", "platform", uuid.uuid4().hex)
    (folder / "auth.ini").write_text(AUTH.format(folder=folder, user=made.user, password=made.password))
    where = ["--backend-store-uri", f"sqlite:///{folder}/m.db", "--artifacts-destination", str(folder / "artifacts")]
    address = ["--host", "127.0.0.1", "--port", made.url.rpartition(":")[2], "--workers", "1"]
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", *where, *address]
    told = {"MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": uuid.uuid4().hex}
    told["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # seven processes for jobs that nobody gives it
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | told, start_new_session=True)
    try:
        wait_until_it_answers(f"{made.url}/health", process)
        yield made
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # all it keeps goes with its folder
        process.wait(30)


@contextmanager
def database() -> Iterator[str]:
    """A new database on the PostgreSQL that MLAGENT_TEST_POSTGRES names: its URL as SQLAlchemy writes it."""
    server = os.environ["MLAGENT_TEST_POSTGRES"]
    name = f"ledger_{uuid.uuid4().hex[:12]}"
    _ask(server, f"CREATE DATABASE {name}")
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        _ask(server, f"DROP DATABASE {name} WITH (FORCE)")


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """Carry out a statement as the database's owner; the rows that it gives."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        found = connection.execute(statement)
        return found.fetchall() if found.description else []


def _ask(server: str, statement: str) -> None:
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statement)
