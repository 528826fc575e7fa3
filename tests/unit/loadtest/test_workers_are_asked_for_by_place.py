"""A worker's command line names its master, or says what is wrong."""

import pytest

from mlagent.errors import UsageError
from mlagent.loadtest import orders


def test_a_worker_is_told_where_its_master_is() -> None:
    assert orders.read(["--master", "10.0.0.5:5557"]) == ("10.0.0.5", 5557, None, None, 60)
    every = orders.read(["--parent-pid", "12", "--master", "[::1]:1", "--token-file", "t", "--wait-seconds", "9"])
    assert every == ("[::1]", 1, 12, "t", 9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "`--master` names no HOST:PORT"),
        (["--master", "10.0.0.5"], "`--master` names no HOST:PORT"),
        (["--master", "10.0.0.5:0"], "`--master` names no HOST:PORT"),
        (["--master", "a:99999"], "`--master` names no HOST:PORT"),
        (["--master", "tcp://a:1"], "`--master` names no HOST:PORT"),
        (["--master", "a:1", "--parent-pid", "x"], "`--parent-pid` names no process"),
        (["--master", "a:1", "--wait-seconds", "0"], "`--wait-seconds` is no number of seconds"),
        (["--master", "a:1", "--wait-seconds", "301"], "`--wait-seconds` is no number of seconds"),
        (["--master", "a:1", "--wait-seconds", "1m"], "`--wait-seconds` is no number of seconds"),
        (["--master", "a:1", "--token"], "does not know '--token'"),
        (["--master", "a:1", "--token", "secret"], "does not know '--token'"),
        (["--master", "a:1", "more"], "does not know 'more'"),
        (["--master"], "does not know '--master'"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        orders.read(arguments)
    assert said in refused.value.message
