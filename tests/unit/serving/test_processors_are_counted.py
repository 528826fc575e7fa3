"""Affinity and quotas of cgroups, old and new, as containers and services have them."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlagent.serving import cpus

CASES: Mapping[str, tuple[Mapping[str, str], float]] = {
    "no cgroup at all": ({}, 8),
    "v2, a container that sees itself as the root": ({"proc/self/cgroup": "0::/", "cpu.max": "150000 100000"}, 1.5),
    "v2, no limit": ({"proc/self/cgroup": "0::/a", "a/cpu.max": "max 100000", "cpu.max": "max 100000"}, 8),
    "v2, a service's own": ({"proc/self/cgroup": "0::/a/b", "a/b/cpu.max": "200000 100000"}, 2),
    "v2, the slice around it is smaller": (
        {"proc/self/cgroup": "0::/a/b", "a/cpu.max": "50000 100000", "a/b/cpu.max": "200000 100000"},
        0.5,
    ),
    "v2, more than the affinity": ({"proc/self/cgroup": "0::/", "cpu.max": "1600000 100000"}, 8),
    "v1": (
        {
            "proc/self/cgroup": "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/",
            "cpu,cpuacct/docker/x/cpu.cfs_quota_us": "300000",
            "cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
        },
        3,
    ),
    "v1, a container whose own group is the mount": (
        {
            "proc/self/cgroup": "3:cpuacct,cpu:/docker/x",
            "cpu/cpu.cfs_quota_us": "25000",
            "cpu/cpu.cfs_period_us": "50000",
        },
        0.5,
    ),
    "v1, no limit": (
        {"proc/self/cgroup": "1:cpu:/", "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
        8,
    ),
    "a colon in the path": ({"proc/self/cgroup": "0::/a:b", "a:b/cpu.max": "100000 100000"}, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_the_smallest_limit_counts(name: str, tmp_path: Path) -> None:
    files, expected = CASES[name]
    for path, text in files.items():
        file = tmp_path / (path if path.startswith("proc/") else f"sys/fs/cgroup/{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    assert cpus.limit(tmp_path, affinity=8) == expected


def test_this_process_has_at_most_its_affinity() -> None:
    assert 0 < cpus.limit() <= len(os.sched_getaffinity(0))
