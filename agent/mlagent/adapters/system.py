"""Readings of this machine while something runs on it, under the names that MLflow gives them."""

import shutil
import subprocess
import time

import psutil

MEGA = 1_000_000
GPU = ("utilization_percentage", "memory_usage_megabytes", "power_usage_watts")
QUERY = ["--query-gpu=utilization.gpu,memory.used,power.draw", "--format=csv,noheader,nounits"]


class Meter:
    """Reads processor, memory and GPUs of the node, and what this process's children use of them."""

    def __init__(self) -> None:
        """Begin to count now."""
        self._children: dict[int, float] = {}
        self._then = time.monotonic()
        psutil.cpu_percent()

    def read(self) -> dict[str, float]:
        """Percentages, and megabytes (10^6 bytes), since the last reading; what cannot be read is left out."""
        memory = psutil.virtual_memory()
        return {
            "system/cpu_utilization_percentage": psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": memory.used / MEGA,
            "system/system_memory_usage_percentage": memory.percent,
            **self._of_children(),
            **_gpus(),
        }

    def _of_children(self) -> dict[str, float]:
        """The worker's share: 100 is one processor."""
        used, resident = {}, 0
        for child in psutil.Process().children(recursive=True):
            try:
                times = child.cpu_times()
                used[child.pid] = times.user + times.system
                resident += child.memory_info().rss
            except psutil.Error:  # it ended
                continue
        now = time.monotonic()
        seconds = sum(value - self._children.get(pid, 0.0) for pid, value in used.items())
        share = 100 * seconds / max(now - self._then, 0.001)
        self._children, self._then = used, now
        return {"system/worker_cpu_utilization_percentage": share, "system/worker_memory_megabytes": resident / MEGA}


def _gpus() -> dict[str, float]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    try:
        said = subprocess.run([program, *QUERY], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    found = {}
    for number, line in enumerate(said.splitlines()):
        for name, text in zip(GPU, line.split(","), strict=False):
            try:
                found[f"system/gpu_{number}_{name}"] = float(text)
            except ValueError:  # "[N/A]"
                continue
    return found
