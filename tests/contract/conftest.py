"""A real S3 server on this machine: moto in a process of its own, on a free port."""

import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from mlagent.adapters.stores import open_store
from mlagent.adapters.stores.s3 import S3Store

# One request at a time: moto looks at the condition of a write and then writes, which S3 does in one step. It also
# answers 500 to the completion of an upload that is over, where S3 says NoSuchUpload.
SERVER = """
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
complete = S3Backend.complete_multipart_upload
def completed(self, bucket_name, multipart_id, body):
    if multipart_id not in self.get_bucket(bucket_name).multiparts:
        raise NoSuchUpload(upload_id=multipart_id)
    return complete(self, bucket_name, multipart_id, body)
S3Backend.complete_multipart_upload = completed
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
app = DomainDispatcherApplication(create_backend_app)
server = make_server("127.0.0.1", 0, app, threaded=False, request_handler=MotoRequestHandler)
print(server.port, flush=True)
server.serve_forever()
"""


class Bucket(NamedTuple):
    """An empty bucket: what `open_store` needs to open a store in it."""

    url: str
    options: Mapping[str, object]

    def open(self) -> S3Store:
        """Open it as another process would, with a connection of its own."""
        store = open_store(self.url, {**self.options, "skip_instance_cache": True})
        assert isinstance(store, S3Store)
        return store


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    name = f"b{uuid.uuid4().hex}"
    options = {"endpoint_url": s3_endpoint, "key": "AKIAtesting", "secret": "notverysecret"}
    found = Bucket(f"s3://{name}/team/store", options)
    found.open()._files.mkdir(name)
    return found
