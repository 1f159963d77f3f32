"""How many processors and how much memory the control groups of a process grant it."""

import math
import os

import pytest

from cascata.run import resources
from cascata.run.resources import cgroup_cpus, cgroup_memory, usable_cpus, usable_memory


@pytest.fixture
def granted(tmp_path):
    """Tell what is granted, given the process's memberships and what the files below the mount say."""

    def ask(membership, files, ask_for=cgroup_cpus):
        (tmp_path / "membership").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "mount" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        return ask_for(tmp_path / "membership", tmp_path / "mount")

    return ask


def v1(folder, quota, period=100000):
    return {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": period}


NESTED = "0::/a/b/c\n"
OLD = "12:cpuset:/x\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a/b\n"


@pytest.mark.parametrize(
    ("membership", "files", "cpus"),
    [
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "250000 100000"}, 3),
        ("0::/\n", {"cpu.max": "1000 100000"}, 1),
        ("0::/\n", {"cpu.max": "max 100000"}, math.inf),
        ("0::/\n", {}, math.inf),
        (NESTED, {"a/b/c/cpu.max": "200000 100000"}, 2),
        (NESTED, {"a/b/c/cpu.max": "400000 100000", "a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
        (NESTED, {"a/b/c/cpu.max": "max 100000", "cpu.max": "100000 50000"}, 2),
        (NESTED, {"a/b/c/d/cpu.max": "100000 100000", "a/x/cpu.max": "100000 100000"}, math.inf),
        ("0::/host/only\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/../../elsewhere\n", {"cpu.max": "200000 100000", "elsewhere/cpu.max": "100000 100000"}, 2),
        ("0::/a:b\n", {"a:b/cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "nonsense"}, math.inf),
        ("0::/\n", {"cpu.max": "100000 0"}, math.inf),
        ("0::/\n", {"cpu.max": f"{10**400} 1"}, 10**400),
        (OLD, v1("cpu,cpuacct/a/b", 200000), 2),
        (OLD, v1("cpu/a/b", 150000), 2),
        (OLD, v1("cpu,cpuacct/a/b", 400000) | v1("cpu,cpuacct/a", 300000) | v1("cpu,cpuacct", -1), 3),
        (OLD, v1("cpu,cpuacct/a/b", -1), math.inf),
        (OLD, v1("cpuset/x", 100000), math.inf),
        (OLD, v1("cpu,cpuacct", 200000), 2),
        (OLD, {"cpu,cpuacct/a/b/cpu.cfs_quota_us": "100000"}, math.inf),
        (OLD + NESTED, v1("cpu,cpuacct/a/b", 300000) | {"unified/a/b/c/cpu.max": "200000 100000"}, 2),
        ("", {"cpu.max": "200000 100000"}, math.inf),
        ("nonsense\n0::/\n", {"cpu.max": "200000 100000"}, 2),
    ],
)
def test_the_smallest_limit_around_a_process_counts(granted, membership, files, cpus):
    assert granted(membership, files) == cpus


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert cgroup_cpus(tmp_path / "none", tmp_path) == math.inf
    (tmp_path / "odd").write_bytes(b"0::/\xff\xfe")
    assert cgroup_cpus(tmp_path / "odd", tmp_path) == math.inf
    assert cgroup_cpus(tmp_path, tmp_path) == math.inf


@pytest.mark.parametrize(("limit", "cpus"), [("1 100000", 1), ("300000 100000", 3), ("max 100000", 8), ("x", 8)])
def test_affinity_and_limit_together(granted, tmp_path, monkeypatch, limit, cpus):
    granted("0::/a\n", {"a/cpu.max": limit})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(resources, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(resources, "CGROUPS", tmp_path / "mount")
    assert usable_cpus() == cpus
    assert type(usable_cpus()) is int


@pytest.mark.parametrize(
    ("membership", "files", "bytes_"),
    [
        ("0::/\n", {"memory.max": "1000000"}, 1000000),
        ("0::/\n", {"memory.max": "max"}, math.inf),
        ("0::/\n", {}, math.inf),
        (NESTED, {"a/b/c/memory.max": "4000", "a/memory.max": "3000", "a/b/memory.max": "max"}, 3000),
        (
            "9:memory:/a\n",
            {"memory/a/memory.limit_in_bytes": "5000", "memory/memory.limit_in_bytes": str(1 << 63)},
            5000,
        ),
        ("9:cpu:/a\n", {"cpu/a/memory.limit_in_bytes": "5000"}, math.inf),
        ("0::/\n", {"memory.max": "0"}, math.inf),
        ("0::/\n", {"memory.max": "nonsense"}, math.inf),
    ],
)
def test_the_smallest_limit_of_memory_counts(granted, membership, files, bytes_):
    assert granted(membership, files, cgroup_memory) == bytes_


@pytest.mark.parametrize(("limit", "bytes_"), [("1000000", 1000000), ("max", None), (str(1 << 62), None)])
def test_usable_memory_is_what_there_is_and_is_granted(granted, tmp_path, monkeypatch, limit, bytes_):
    granted("0::/a\n", {"a/memory.max": limit})
    monkeypatch.setattr(resources, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(resources, "CGROUPS", tmp_path / "mount")
    assert usable_memory() == (bytes_ or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
