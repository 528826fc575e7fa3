"""The double by itself, for a program that is not Python: `python -m tests.jenkins_alone PORT`."""

import argparse
import json
import sys

from tests.jenkins_double import TOKENS, serving


def main() -> None:
    """Serve until standard input ends, with the harness open; the first line says where, and whose tokens."""
    asked = argparse.ArgumentParser(prog="python -m tests.jenkins_alone", description=main.__doc__)
    asked.add_argument("port", type=int, nargs="?", default=0)
    asked.add_argument("--blue", action="store_true", help="Blue Ocean's REST is there")
    asked.add_argument("--without", action="append", default=[], help="a plugin that is not there")
    given = asked.parse_args()
    with serving(given.port, harness=True) as double:
        double.plugins = (double.plugins | ({"blueocean-rest"} if given.blue else set())) - set(given.without)
        sys.stdout.write(json.dumps({"url": double.url, "tokens": TOKENS}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
