"""How many processors and how much memory this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cgroup_cpus", "cgroup_memory", "usable_cpus", "usable_memory"]

MEMBERSHIP = Path("/proc/self/cgroup")
"""Says which control groups this process is in."""
CGROUPS = Path("/sys/fs/cgroup")
"""Where control groups are mounted."""


def usable_cpus() -> int:
    """Return the number of processors that affinity and the control groups leave to this process, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(max(1, min(allowed, cgroup_cpus(MEMBERSHIP, CGROUPS))))


def usable_memory() -> int:
    """Return the bytes of memory that the machine has and the control groups leave to this process."""
    return int(min(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), cgroup_memory(MEMBERSHIP, CGROUPS)))


def cgroup_cpus(membership: Path, root: Path) -> float:
    """Return the processors, rounded up, that the control groups of a process grant; infinity if they set no limit.

    A group grants what it says itself and no more than any group around it; what cannot be read sets no limit.
    """
    return min(map(_cpus, _groups(membership, root, "cpu")), default=math.inf)


def cgroup_memory(membership: Path, root: Path) -> float:
    """Return the bytes of memory that the control groups of a process grant, as `cgroup_cpus` does."""
    return min(map(_memory, _groups(membership, root, "memory")), default=math.inf)


def _groups(membership: Path, root: Path, resource: str) -> Iterator[Path]:
    """Give the folders of all groups that a process is in for a resource, of versions 1 and 2, with those around them.

    A container may see its group's path on the host but only the group itself mounted, so the mount counts always.
    """
    try:
        lines = membership.read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, group = line.partition(":")
        controllers, _, path = group.partition(":")
        if controllers and resource not in controllers.split(","):
            continue
        names = [name for name in path.split("/") if name]
        depths = range(1 if ".." in names else len(names) + 1)  # with dots it is outside of what is mounted
        for mount in (root / controllers, root / (resource if controllers else "unified")):
            yield from (mount.joinpath(*names[:depth]) for depth in depths)


def _cpus(group: Path) -> float:
    try:
        if (group / "cpu.max").exists():
            quota, period = map(int, (group / "cpu.max").read_text().split())  # "max" is no number and no limit
        else:
            quota, period = (int((group / f"cpu.cfs_{what}_us").read_text()) for what in ("quota", "period"))
        return -(-quota // period) if quota > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _memory(group: Path) -> float:
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            limit = int((group / name).read_text())  # "max" is no number and no limit
        except (OSError, ValueError):
            continue
        if limit > 0:
            return limit
    return math.inf
