"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["usable_cpus"]

CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def usable_cpus() -> int:
    """Return the number of processors that affinity and the control group leave to this process, at least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _cgroup_limit(CGROUP_LIMIT)))


def _cgroup_limit(path: Path) -> int:
    """Return the whole processors that a control group (version 2) grants in `path`; a very large number if any."""
    unlimited = 1 << 20
    try:
        quota, period = path.read_text().split()
        return unlimited if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return unlimited
