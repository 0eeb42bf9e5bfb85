"""What a machine is, in one frozen object: memory, cores, devices.

Knows the operating system's figures and this process's limits (cgroup, affinity); does not know models.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in bytes, ``memory_free`` being what a new process may use; ``cores`` physical cores it may use."""

    name: str
    system: str
    processor: str
    cores: int
    threads: int
    memory_total: int
    memory_free: int
    limited_by: str | None
    """``cgroup`` where a container's limit is below the machine's memory, else None."""


def detect() -> Machine:
    """This machine, now."""
    import psutil

    memory = psutil.virtual_memory()
    total, free, limited_by = memory.total, memory.available, None
    limit = cgroup_memory(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")) if sys.platform == "linux" else None
    if limit is not None and limit[0] < total:
        total, free, limited_by = limit[0], min(free, limit[1]), "cgroup"
    threads = usable_threads()
    return Machine(
        name=platform.node(),
        system=f"{platform.system()} {platform.release()}",
        processor=processor_name(),
        cores=max(1, min(threads, psutil.cpu_count(logical=False) or threads)),
        threads=threads,
        memory_total=total,
        memory_free=free,
        limited_by=limited_by,
    )


def usable_threads() -> int:
    """Logical processors that this process may use: affinity and the cgroup's CPU quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):  # no cgroup v2 here
        return count
    return count if quota == "max" else max(1, min(count, round(int(quota) / int(period))))


def processor_name() -> str:
    """The processor's name as the system tells it, else its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


def cgroup_memory(root: Path, membership: Path) -> tuple[int, int] | None:
    """``(limit, free)`` in bytes of the tightest cgroup v2 (or the v1 memory group) above this process.

    *root* is the cgroup file system, *membership* is ``/proc/self/cgroup``. None where no limit is set.
    Page cache that the kernel can drop (``inactive_file``) counts as free, as ``MemAvailable`` counts it.
    """
    tightest: tuple[int, int] | None = None
    for folder, names in _groups(root, membership):
        limit, used = _integer(folder / names[0]), _integer(folder / names[1])
        if limit is None or used is None or limit >= 1 << 60:
            continue
        free = max(0, limit - used + _statistic(folder / "memory.stat", "inactive_file"))
        if tightest is None or free < tightest[1]:
            tightest = (limit, free)
    return tightest


def _groups(root: Path, membership: Path) -> list[tuple[Path, tuple[str, str]]]:
    try:
        lines = membership.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found: list[tuple[Path, tuple[str, str]]] = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            top, names = root, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            top, names = root / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        folder = top / path.lstrip("/")
        while True:
            found.append((folder, names))
            if folder == top or top not in folder.parents:
                break
            folder = folder.parent
    return found


def _integer(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # absent, or "max"
        return None


def _statistic(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name + " ")), 0)
