"""The sections that several stages share; each stage's own section is declared in its file."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from mlagent.config.approvals import Approvals
from mlagent.config.card import Card
from mlagent.config.carrying import Deploy, Stages
from mlagent.config.images import Registry, Serving
from mlagent.config.jenkins import Jenkins
from mlagent.config.ledger import Ledger
from mlagent.config.secret import Secret

MLFLOW = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "file", "databricks", "databricks-uc", "uc")


class Project(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this is."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            description="Small letters, digits and hyphens; names the experiment and the served model.",
        ),
    ]


NOT_GIVEN = "-"


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows to learn from, and how they are divided."""

    LEFT_OUT: ClassVar = {
        "path",
        "validation_path",
        "test_path",
        "endpoint",
        "access_key",
        "secret_key",
        "verify",
        "schema",
        "database",
        "query",
    }

    path: Annotated[
        str,
        Meta(
            min_length=1,
            description="CSV or Parquet: a file, folder or glob in the project, or a URL (s3://…, gs://…, https://…).",
        ),
    ] = NOT_GIVEN
    database: Annotated[
        Secret | None, Meta(description="Instead of a path: the SQLAlchemy URL of a database, as a reference.")
    ] = None
    query: Annotated[
        str | None, Meta(description="What to SELECT there; with an ORDER BY the same rows are the same data.")
    ] = None
    schema: Annotated[
        str | None, Meta(description="What the rows must be (YAML); `mlagent data schema infer` writes a first one.")
    ] = None
    target: Annotated[str, Meta(min_length=1, description="The column to predict; every other column is a feature.")]
    kind: Annotated[
        Literal["classification", "regression", "count"],
        Meta(description="What the target is: a class (whole numbers from 0), a number, or how often something came."),
    ] = "classification"
    key: Annotated[
        str | None, Meta(description="The column that names what a row is about (a policy): its rows fall together.")
    ] = None
    group: Annotated[
        str | None, Meta(description="The column whose rows fall together instead of the key's (a household).")
    ] = None
    time: Annotated[
        str | None, Meta(description="Divide by this column: the newest rows test, those before them validate.")
    ] = None
    exclude: Annotated[
        tuple[str, ...], Meta(description="Columns that are not features, such as those that hold the answer.")
    ] = ()
    validation_path: Annotated[str | None, Meta(description="Rows to validate on, given as data.path is.")] = None
    test_path: Annotated[str | None, Meta(description="Rows to test on, given as data.path is.")] = None
    validation: Annotated[
        float, Meta(gt=0, lt=0.9, description="The share of rows that chooses the best epoch and is not trained on.")
    ] = 0.15
    test: Annotated[
        float, Meta(gt=0, lt=0.9, description="The share of rows that training never sees; the gate judges on them.")
    ] = 0.2

    endpoint: Annotated[str | None, Meta(description="The address of an S3 service other than Amazon's.")] = None
    access_key: Annotated[Secret | None, Meta(description="The access key for the URL, as a reference.")] = None
    secret_key: Annotated[Secret | None, Meta(description="The secret key for the URL, as a reference.")] = None
    verify: Annotated[
        bool, Meta(description="Read every byte each time; false trusts size and time stamp (or etag) of a file.")
    ] = False

    def __post_init__(self) -> None:
        """Name one source, leave rows to train on, and divide in one way."""
        if (self.path == NOT_GIVEN) != bool(self.query) or bool(self.query) != bool(self.database):
            message = "give data.path, or data.database with data.query"
            raise ValueError(message)
        if self.validation_path and not self.test_path:
            message = "validation_path without test_path: give both files, or let mlagent divide"
            raise ValueError(message)
        if self.group and self.time:
            message = "group and time both divide the rows: choose one"
            raise ValueError(message)
        if self.validation + self.test >= 0.95:
            message = f"validation ({self.validation}) and test ({self.test}) together leave too few rows to train on"
            raise ValueError(message)


class Tracking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where trainings are logged (MLflow)."""

    uri: Annotated[
        str | None,
        Meta(description="An MLflow tracking server (http://…); null keeps a SQLite file in .mlagent/mlflow."),
    ] = None
    username: Annotated[str | None, Meta(description="The user name for a server with basic authentication.")] = None
    password: Annotated[Secret | None, Meta(description="That user's password, as a reference.")] = None
    token: Annotated[Secret | None, Meta(description="A bearer token for the server, as a reference.")] = None

    def __post_init__(self) -> None:
        """Refuse what MLflow could never reach; of a port that is none, `urlsplit` says so."""
        uri = self.uri or "http:"
        scheme = uri.partition(":")[0]
        if scheme.partition("+")[0] not in MLFLOW:
            message = (
                f"uri begins with {scheme!r}, and MLflow knows {', '.join(MLFLOW)}; a server's is http://host:port"
            )
            raise ValueError(message)
        _ = urlsplit(uri).port


class Keep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where results, records and blobs are kept."""

    url: Annotated[
        str | None,
        Meta(
            description="A store that build nodes share (s3://…, gs://…, az://…, a folder); null keeps it in .mlagent."
        ),
    ] = None
    endpoint: Annotated[str | None, Meta(description="The address of an S3 service other than Amazon's.")] = None
    access_key: Annotated[Secret | None, Meta(description="The store's access key, as a reference.")] = None
    secret_key: Annotated[Secret | None, Meta(description="The store's secret key, as a reference.")] = None
    lease_seconds: Annotated[
        float,
        Meta(ge=1, le=3600, description="A runner of a shared store that is silent for so long has lost its run."),
    ] = 60.0


class Worker(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The environment in which the team's code runs; what it holds, the project's lock or requirements say."""

    wheelhouse: Annotated[
        str | None,
        Meta(description="A folder of wheels to install from, without a package index; null asks the index."),
    ] = None
    environments: Annotated[
        str | None,
        Meta(description="A folder of this node in which builds share environments; null keeps them in .mlagent."),
    ] = None


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the platform decides, and no team: set it on the node (MLAGENT_POLICY_…), not in the project."""

    waivers: Annotated[
        str | None, Meta(description="A file of waivers: who answers for a failed check of the gate, until when.")
    ] = None
    file: Annotated[
        str | None,
        Meta(description="The platform's policy.yaml: what a release must show before it runs; null: all of it."),
    ] = None


SHARED: dict[str, type[msgspec.Struct]] = {
    "project": Project,
    "data": Data,
    "tracking": Tracking,
    "store": Keep,
    "worker": Worker,
    "policy": Policy,
    "registry": Registry,
    "ledger": Ledger,
    "approvals": Approvals,
    "card": Card,
    "serving": Serving,
    "jenkins": Jenkins,
    "deploy": Deploy,
    "stages": Stages,
}
