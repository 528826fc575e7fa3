"""What all builders of images stand on: one base in the engine and as a layout, wheels behind HTTP, a meter of CPU."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tests.parts.registry import Registry, free_port, registry

BASE = "bench/base"
HOME = Path(os.environ.get("MLAGENT_TEST_PARTS", str(Path.home() / ".cache/mlagent/parts")))
GROUP = Path("/sys/fs/cgroup/cpuacct/mlagent-bench")
WITH_PIP = """\
FROM {base}
COPY pip-*.whl /
RUN rm /usr/lib/python3*/EXTERNALLY-MANAGED && set -- /pip-*.whl && python3 $1/pip install --no-index $1 \
 && ln -s python3 /usr/bin/python
"""


class Reading(NamedTuple):
    """What something took: milliseconds of CPU, None where they can't be had, and of the clock."""

    cpu: float | None
    clock: float


class Ground(NamedTuple):
    """Where everybody finds what images are made of; `docker` is the environment of a client of the engine."""

    folder: Path
    layout: Path
    wheels: str
    docker: Mapping[str, str]


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Give a base with pip, as official Python images have it, and an index of wheels that answers on loopback."""
    docker = dict(os.environ) | {"DOCKER_HOST": os.environ["MLAGENT_TEST_DOCKER_HOST"], "DOCKER_BUILDKIT": "0"}
    port = free_port()
    server = ("-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(wheelhouse()))
    with subprocess.Popen([sys.executable, *server], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as serving:
        try:
            layout = _base(folder, docker)
            yield Ground(folder, layout, f"http://127.0.0.1:{port}/", docker)
        finally:
            serving.kill()
            _forget(docker)


def wheelhouse() -> Path:
    """The folder of all wheels, outside the work tree, so that they are fetched once."""
    kept = HOME / "wheels"
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def fetch(*wanted: str) -> None:
    """Have wheels, from wherever this machine's pip gets them; what is there is not asked for again."""
    said = "\n".join(Path(one).read_text() if Path(one).is_file() else one for one in wanted)
    stamp = wheelhouse() / f".{sha256(said.encode()).hexdigest()}"
    if not stamp.exists():
        options = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(wheelhouse()))
        run([sys.executable, "-m", "pip", "download", *options, *wanted], {})
        stamp.touch()


def run(command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> str:
    """What a command printed that must succeed; its end is shown where it does not."""
    ended = subprocess.run(
        command, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )
    if ended.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {ended.returncode}:\n{(ended.stdout + ended.stderr)[-3000:]}"
        )
    return ended.stdout


def metered(commands: Sequence[Sequence[str]], env: Mapping[str, str], cwd: Path | None = None) -> Reading:
    """Run them one after the other; what they, the engine and its containers used meanwhile."""
    before, began = _used(), time.perf_counter()
    for command in commands:
        inside = ["sh", "-c", f'echo $$ > {GROUP}/cgroup.procs; exec "$@"', "sh"] if before is not None else []
        run([*inside, *command], env, cwd)
    clock, after = time.perf_counter() - began, _used()
    return Reading(None if before is None or after is None else (after - before) / 1e6, clock * 1000)


def measure_engine() -> None:
    """Take the engine of tests/parts into a group whose CPU the kernel counts; containers get the same parent."""
    with suppress(OSError):
        pids = [(HOME / "docker" / name).read_text() for name in ("docker.pid", "run/containerd/containerd.pid")]
        GROUP.mkdir(exist_ok=True)
        for pid in pids:
            (GROUP / "cgroup.procs").write_text(pid)


def build(name: str, folder: Path, *more: str) -> list[str]:
    """The command that builds an image by the classic builder, which may ask the wheels' server."""
    parent = (f"--cgroup-parent=/{GROUP.name}",) if GROUP.exists() else ()
    return ["docker", "build", "--quiet", "--force-rm", "--network", "host", *parent, *more, "--tag", name, str(folder)]


@contextmanager
def empty_registry(folder: Path) -> Iterator[Registry]:
    """A registry that has nothing, at an address that no engine remembers."""
    with registry(folder) as made:
        yield made
    shutil.rmtree(folder)


def kept_bytes(made: Registry) -> int:
    """What the registry keeps in blobs: all that was moved to it, each piece once."""
    home = made.folder / "data/docker/registry/v2/blobs"
    return sum(path.stat().st_size for path in home.rglob("data"))


def _base(folder: Path, docker: Mapping[str, str]) -> Path:
    fetch("pip==25.3")
    context, layout = folder / "base", folder / "layout"
    context.mkdir()
    shutil.copy(next(wheelhouse().glob("pip-25.3-*.whl")), context)
    with empty_registry(folder / "first") as first:
        plain, made = f"{first.host}/debian:plain", f"{first.host}/debian:pip"
        source = f"oci:{os.environ['MLAGENT_TEST_BASE']}"
        run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", source, f"docker://{plain}"], {})
        (context / "Dockerfile").write_text(WITH_PIP.format(base=plain))
        run(build(made, context), docker)
        run(["docker", "tag", made, BASE], docker)
        run(["docker", "push", "--quiet", made], docker)
        run(["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{made}", f"oci:{layout}"], {})
        run(["docker", "rmi", "--no-prune", plain, made], docker)
    return layout


def _forget(docker: Mapping[str, str]) -> None:
    """Leave nothing of ours in the engine; the base goes last."""
    listed = run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"], docker).split()
    names = [name for name in listed if "bench/" in name and not name.endswith("<none>")]
    for name in sorted(names, key=lambda name: name.startswith(BASE)):
        run(["docker", "rmi", "--force", name], docker)
    run(["docker", "image", "prune", "--force"], docker)


def _used() -> int | None:
    try:
        return int((GROUP / "cpuacct.usage").read_text())
    except OSError:
        return None
