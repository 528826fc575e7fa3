"""Asks the server in this container whether it is ready: the image's health check. Status 0 when it is, else 1."""

import argparse
import http.client
import sys

LOOPBACK, READY = "127.0.0.1", "/v2/health/ready"


def main(arguments: list[str]) -> int:
    """Ask once, and say on standard output what was answered, which `docker inspect` shows."""
    parser = argparse.ArgumentParser(prog="python -m mlagent.serving.probe", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8001, help="of health and metrics (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="to wait for an answer (default: %(default)s)")
    options = parser.parse_args(arguments)
    connection = http.client.HTTPConnection(LOOPBACK, options.port, timeout=options.seconds)
    try:
        connection.request("GET", READY)
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return _tell(f"no answer on port {options.port}: {error}", 1)
    finally:
        connection.close()
    return _tell(text, int(answer.status != http.client.OK))


def _tell(text: str, status: int) -> int:
    sys.stdout.write(f"{text}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
