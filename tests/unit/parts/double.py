"""In the place of kind, docker, kubectl and apt-get on a PATH: writes down how it was called, and does a little.

All is in the folder DOUBLE: `calls` has a line of JSON a call; `clusters/NAME` is there as long as kind has that
cluster, and has its node's own files; `says` has the number of the first process of each of the node's containers.
"""

import json
import os
import shutil
import socket
import sys
from pathlib import Path

HOME = Path(os.environ["DOUBLE"])
GATEWAY = os.environ["DOUBLE_GATEWAY"]
NODE = "-control-plane"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def kind(*args: str) -> int:
    """What it is asked for: create, delete, get."""
    clusters = HOME / "clusters"
    clusters.mkdir(exist_ok=True)
    if args == ("get", "clusters"):
        say("\n".join(one.name for one in clusters.iterdir()))
        return 0
    options = dict(zip(args[2::2], args[3::2], strict=True))
    mine, kubeconfig = clusters / options["--name"], Path(options["--kubeconfig"])
    if args[:2] == ("delete", "cluster"):
        shutil.rmtree(mine)
        return 0
    if (HOME / "no-image").exists():
        sys.stderr.write("ERROR: failed to create cluster: failed to pull image")
        return 1
    manifests = mine / "etc/kubernetes/manifests"
    manifests.mkdir(parents=True)
    (manifests / "kube-apiserver.yaml").write_text("kind: Pod")
    (mine / "running").touch()
    kubeconfig.write_text(options["--name"])
    say("Creating cluster ...")
    return 0


def docker(*args: str) -> int:
    """About a node's container, or in it."""
    if args[:2] == ("container", "inspect"):
        running = node(args[-1]) / "running"
        if running.parent.exists():
            say(str(running.exists()).lower() if "State" in args[3] else GATEWAY)
        return not running.parent.exists()
    rest = args[2:] if args[1] == "--interactive" else args[1:]
    return inside(node(rest[0]), *rest[1:])


def node(name: str) -> Path:
    return HOME / "clusters" / name.removesuffix(NODE)


def inside(root: Path, program: str, *args: str) -> int:
    """A program of the node's image; its folder /etc is the double's."""
    if program == "curl":
        host, _, port = args[-1].removeprefix("http://").strip("/").partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as towards:
            towards.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b" 200 " not in towards.recv(100)
    if program == "crictl":
        return crictl(root, *args)
    moved = [one.replace("/etc/", f"{root}/etc/") for one in args]
    return os.spawnvp(os.P_WAIT, program, [program, *moved])  # noqa: S606 - subprocess takes long to import


def crictl(root: Path, verb: str, *args: str) -> int:
    """Its one container is the API server's, as long as nobody has stopped it for good."""
    there = (root / "etc/kubernetes/manifests/kube-apiserver.yaml").exists()
    stopped = root / "stopped"
    if verb == "stop":
        stopped.touch()
    elif verb == "inspect":
        say((HOME / "says" / args[-1]).read_text())
    elif verb == "ps" and (there or not stopped.exists()):
        stopped.unlink(missing_ok=True)  # the kubelet begins another one
        say("a91")
    return 0


def kubectl(*args: str) -> int:
    """An API server that answers where its manifest is."""
    name = Path(args[args.index("--kubeconfig") + 1]).read_text()
    return not (HOME / "clusters" / name / "etc/kubernetes/manifests/kube-apiserver.yaml").exists()


def main() -> int:
    program, args = Path(sys.argv[0]).name, sys.argv[1:]
    with (HOME / "calls").open("a") as calls:
        calls.write(json.dumps([program, *args, os.environ.get("DOCKER_HOST", "")]) + "\n")
    does = {"kind": kind, "docker": docker, "kubectl": kubectl}
    return int(does[program](*args)) if program in does else 0


if __name__ == "__main__":
    sys.exit(main())
