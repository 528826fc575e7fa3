"""Whose a container is must be known for certain before it is removed: a process that lives keeps its own."""

import os
import re
import subprocess
import sys

import pytest

from mlagent.adapters.engine import holder


def of_another(text: str, **changes: int | str) -> str:
    for part, value in changes.items():
        text = re.sub(rf"(^|-){part}[0-9a-f]+", rf"\g<1>{part}{value}", text)
    return text


def test_a_name_is_one_that_images_and_containers_can_have() -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", holder.own())
    assert f"-p{os.getpid()}-" in holder.own()


def test_this_process_lives() -> None:
    assert not holder.gone(f"mlagent-run-{holder.own()}")


def test_one_that_ended_is_gone_and_so_is_its_number_when_another_has_it() -> None:
    code = "from mlagent.adapters.engine import holder; print(holder.own())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert holder.gone(ended)
    assert holder.gone(of_another(holder.own(), s=1))


def test_one_that_is_dead_and_not_reaped_is_gone() -> None:
    code = "from mlagent.adapters.engine import holder; print(holder.own(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        name = process.stdout.read().strip()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert holder.gone(name)


def test_after_the_machine_was_started_anew_all_are_gone() -> None:
    assert holder.gone(of_another(holder.own(), b="0123"))


@pytest.mark.parametrize("name", ["", "mlagent-run", "postgres"])
def test_what_names_no_holder_is_nobodys_to_remove(name: str) -> None:
    assert not holder.gone(name)


def test_one_in_another_namespace_cannot_be_seen_and_stays() -> None:
    assert not holder.gone(of_another(holder.own(), n=1, p=999999))
