"""How quiet the machine is: what is missing from the time of processes that only look at the clock, one a core.

`python -m tests.bench.serving.quiet CORE` prints the seconds that were missing there, and the longest at once.
"""

import os
import subprocess
import sys
import time

SECONDS, SHORT = 3.0, 0.0003  # a gap is longer than that


def said() -> str:
    """The worst core, in words; what other processes and the machine's host take counts alike."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "tests.bench.serving.quiet"]
    started = [subprocess.Popen([*command, str(one)], stdout=subprocess.PIPE, text=True) for one in cores]
    told = [one.communicate()[0].split() for one in started]
    lost, longest = max(float(one[0]) for one in told), max(float(one[1]) for one in told)
    return f"taken by others from the worst core in {SECONDS:g} s: {lost / SECONDS:.1%}, up to {longest * 1000:.1f} ms"


def gaps(core: int) -> list[float]:
    """Seconds between two looks at the clock, where these were far apart."""
    os.sched_setaffinity(0, {core})
    found, now = [], time.perf_counter()
    end = now + SECONDS
    while now < end:
        before, now = now, time.perf_counter()
        if now - before > SHORT:
            found.append(now - before)
    return found


if __name__ == "__main__":
    seen = gaps(int(sys.argv[1]))
    sys.stdout.write(f"{sum(seen)} {max(seen, default=0.0)}\n")
