"""Runs the stage `sign` once, in a process that may be killed: `python -m tests.e2e.signing.once REQUEST.json`."""

import sys
from pathlib import Path

import msgspec

from mlagent.config.images import Registry
from mlagent.config.secret import Secret
from mlagent.stages import sign
from tests.good_release import ORIGIN
from tests.parts.registry import USER
from tests.signing_house import House, from_elsewhere


class Request(msgspec.Struct, frozen=True):
    """Files by their paths; `build` is the number of the build that signs."""

    house: str
    host: str
    ca: str
    password: str
    key: str
    key_password: str
    build: int


def main(file: str) -> None:
    asked = msgspec.json.decode(Path(file).read_bytes(), type=Request)
    house = House(Path(asked.house), asked.host)
    house.origin = from_elsewhere(ORIGIN, build=asked.build)
    settings = Registry(username=USER, password=Secret(f"file:{asked.password}"), ca=asked.ca)
    key, password = Secret(f"file:{asked.key}"), Secret(f"file:{asked.key_password}")
    house.run(sign.Config(key=key, password=password), settings)


if __name__ == "__main__":
    main(sys.argv[1])
