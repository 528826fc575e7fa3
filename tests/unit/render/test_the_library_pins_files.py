"""The pins of the bootstrap are those of the wheels that lie there."""

from pathlib import Path

import pytest

from mlagent.core.digest import of_bytes
from mlagent.errors import InputError
from mlagent.render.pins import pins
from tests.conftest import Cli


def wheelhouse(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def test_mlagent_comes_first_with_its_extras_and_every_file_has_its_hash(tmp_path: Path) -> None:
    names = ("click-8.5.1-py3-none-any.whl", "mlagent-0.1.0-py3-none-any.whl", "torch-2.13.0+cpu-cp311-cp311-linux.whl")
    said = ("click==8.5.1", "mlagent[control,serve]==0.1.0", "torch==2.13.0+cpu")
    lines = [f"{one} --hash={of_bytes(name.encode())}" for one, name in zip(said, names, strict=True)]
    assert pins(wheelhouse(tmp_path / "w", *names), "control,serve").splitlines() == [lines[1], lines[0], lines[2]]


@pytest.mark.parametrize(
    ("names", "said"), [((), "holds 0 wheels of mlagent"), (("mlagent.whl",), "is not named as a wheel is")]
)
def test_a_folder_that_is_no_wheelhouse_is_refused(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        pins(wheelhouse(tmp_path / "w", *names), "control")


def test_other_pins_are_told_and_mended(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "agent" / "mlagent").mkdir(parents=True)
    (tmp_path / "resources" / "mlagent").mkdir(parents=True)
    wheelhouse(tmp_path / "w", "mlagent-0.1.0-py3-none-any.whl")
    command = ("render", "--pins", "w", "--extras", "control")
    ended = cli(*command, "--check", cwd=tmp_path)
    assert (ended.returncode, "make wheelhouse" in ended.stderr) == (4, True)
    assert cli(*command, cwd=tmp_path).returncode == 0
    assert cli(*command, "--check", cwd=tmp_path).returncode == 0
