"""What is frozen names every package by version and digest, for one platform; anything else is refused by its line."""

from pathlib import Path

import pytest

from mlagent.errors import ConfigError, InputError
from mlagent.image import lock
from mlagent.image.lock import Lock, Requirement

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
GOOD = Lock(
    "linux/amd64",
    "3.11",
    ("numpy>=1", "uvicorn>=0.3"),
    (Requirement("numpy", "2.1", (ONE, TWO)), Requirement("uvicorn", "0.5", (ONE,))),
)
HEAD = "# platform: linux/amd64\n# python: 3.11\n# for: numpy>=1\n"


def load(tmp_path: Path, text: str | bytes) -> Lock:
    path = tmp_path / "any"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return lock.load(path, "serving.lock")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.text()) == GOOD
    assert load(tmp_path, GOOD.text().replace("\n", "\r\n")) == GOOD


def test_names_are_compared_as_the_index_does(tmp_path: Path) -> None:
    found = load(tmp_path, f"{HEAD}Typing_Extensions==4 --hash={ONE}\n")
    assert found.requirements[0].name == "typing-extensions"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}numpy>=2 --hash={ONE}\n", "serving.lock:4: 'numpy>=2' names no package by its version"),
        (f"{HEAD}numpy==2\n", "serving.lock:4: numpy has no --hash"),
        (f"{HEAD}numpy==2 --hash=md5:abc\n", "serving.lock:4: '--hash=md5:abc' is no --hash=sha256"),
        (f"{HEAD}numpy==2 \\\n  --hash={ONE[:-1]}\n", "serving.lock:4: '--hash=sha256:111"),
        (f"{HEAD}a==1 --hash={ONE}\nA==1 --hash={ONE}\n", "serving.lock:5: a stands here twice"),
        (f"{HEAD}--index-url https://joe@example\n", "serving.lock:4: '--index-url' names no package"),
        (f"{HEAD}-e .\n", "serving.lock:4: '-e' names no package"),
        (f"{HEAD}a @ file:///a --hash={ONE}\n", "serving.lock:4: 'a' names no package"),
        (f"{HEAD}<<<<<<< ours\n", "serving.lock:4: '<<<<<<<' names no package"),
        (HEAD, "serving.lock lacks any package"),
        ("", "serving.lock lacks its lines `# platform: …`"),
        (f"# platform: linux/amd64\n# for: a\na==1 --hash={ONE}\n", "serving.lock lacks its lines `# python: …`"),
        (b"\xff\xfe", "serving.lock is no text"),
    ],
)
def test_a_line_that_is_none_is_refused_by_its_number(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, text)
    assert said in raised.value.message
    assert "--relock" in raised.value.hint


@pytest.mark.parametrize(
    ("platform", "python", "wanted", "said"),
    [
        ("linux/arm64", "3.11", GOOD.wanted, "frozen for platform linux/amd64, and package.platform is linux/arm64"),
        ("linux/amd64", "3.12", GOOD.wanted, "frozen for Python 3.11, and package.python is 3.12"),
        ("linux/amd64", "3.11", ("numpy>=2",), "and this mlagent serves with numpy>=2"),
    ],
)
def test_one_for_another_image_is_refused(platform: str, python: str, wanted: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        lock.check(GOOD, "serving.lock", platform, python, wanted)
    assert "--relock" in raised.value.hint


def test_one_that_lost_what_the_server_needs_is_refused() -> None:
    numpy, click = Requirement("numpy", "2.1", (ONE,)), Requirement("click", "8", (ONE,))
    cut = Lock("linux/amd64", "3.11", GOOD.wanted, (numpy, click))
    with pytest.raises(InputError, match=r"serving\.lock lacks uvicorn, which the server needs"):
        lock.check(cut, "serving.lock", "linux/amd64", "3.11", GOOD.wanted)


def test_what_changed_is_said_by_name() -> None:
    before = (Requirement("a", "1", (ONE,)), Requirement("b", "1", (ONE,)), Requirement("c", "1", (ONE,)))
    after = (Requirement("a", "2", (ONE,)), Requirement("b", "1", (TWO,)), Requirement("d", "1", (ONE,)))
    old, new = (Lock("linux/amd64", "3.11", (), one) for one in (before, after))
    assert new.changed_from(old) == ["a 1 -> 2", "b 1, other wheels", "c 1 -> none", "d none -> 1"]
    assert new.changed_from(new) == []


def test_the_server_needs_its_extra_and_one_package_of_mlagents_own() -> None:
    names = [one.partition(">")[0] for one in lock.needed()]
    assert names == ["httptools", "msgspec", "numpy", "onnxruntime", "uvloop"]
