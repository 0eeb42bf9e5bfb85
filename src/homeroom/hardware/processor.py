"""The processor: its name, the cores that matter for arithmetic, its vector extensions and its last cache.

Knows /proc, sysfs and sysctl; does not know memory or graphics. A model's layers end when the slowest thread ends, so
efficiency cores and the second thread of a core do not count.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Final

from homeroom.hardware.pci import read

SYS: Final = Path("/sys")
PROC: Final = Path("/proc")

SLOW: Final = 0.5
"""A core of less than this part of the fastest one's capacity (sysfs ``cpu_capacity``) holds the others up."""

FEATURES: Final = {
    # Our name: the kernel's, in ``flags`` (x86) or ``Features`` (ARM) of /proc/cpuinfo.
    "avx": "avx",
    "avx2": "avx2",
    "avx512f": "avx512f",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "fma": "fma",
    "f16c": "f16c",
    "amx_int8": "amx_int8",
    "neon": "asimd",
    "dotprod": "asimddp",
    "i8mm": "i8mm",
    "sve": "sve",
}
_APPLE: Final = {
    # Apple, "Determining Instruction Set Characteristics"; the Intel ones are words of machdep.cpu.*features.
    "neon": "hw.optional.AdvSIMD",
    "dotprod": "hw.optional.arm.FEAT_DotProd",
    "i8mm": "hw.optional.arm.FEAT_I8MM",
    "avx": "hw.optional.avx1_0",
    "avx2": "hw.optional.avx2_0",
    "avx512f": "hw.optional.avx512f",
    "fma": "hw.optional.fma",
    "f16c": "hw.optional.f16c",
}
_WINDOWS: Final = {
    # winnt.h, PF_*_INSTRUCTIONS_AVAILABLE for IsProcessorFeaturePresent.
    "avx": 39,
    "avx2": 40,
    "avx512f": 41,
    "neon": 19,
    "dotprod": 43,
}


def name(cpuinfo: str, model: str | None = None) -> str | None:
    """The processor's name in /proc/cpuinfo, else *model*, the board's name in the device tree; None where neither."""
    found = re.search(r"^model name\s*:\s*(\S.*)$", cpuinfo, re.M)
    return found[1].strip() if found else model or None


def features(cpuinfo: str) -> tuple[str, ...]:
    """Vector extensions in /proc/cpuinfo, in the order of ``FEATURES``."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", cpuinfo, re.M)
    words = set(found[1].split()) if found else set()
    return tuple(ours for ours, kernels in FEATURES.items() if kernels in words)


def apple_features(sysctl: Callable[[str], int | str | None]) -> tuple[str, ...]:
    """Vector extensions by sysctl."""
    return tuple(ours for ours, key in _APPLE.items() if sysctl(key) == 1)


def cores(allowed: Collection[int], root: Path = SYS) -> int | None:
    """Physical performance cores among the logical processors *allowed*; None where sysfs does not tell.

    Intel's hybrid processors list theirs in ``devices/cpu_core/cpus``; ARM's have a capacity each.
    """
    fast = set(allowed)
    hybrid = read(root / "devices/cpu_core/cpus")
    if hybrid:
        fast &= cpu_list(hybrid)
    else:
        capacity = {n: read(root / f"devices/system/cpu/cpu{n}/cpu_capacity") for n in fast}
        known = {n: int(value) for n, value in capacity.items() if value and value.isdecimal()}
        if len(known) == len(fast) and known:
            fast = {n for n, value in known.items() if value >= SLOW * max(known.values())}
    # Where a container or taskset leaves only slow cores, those are what there is.
    siblings = set()
    for n in fast or set(allowed):
        topology = root / f"devices/system/cpu/cpu{n}/topology"
        listed = read(topology / "core_cpus_list") or read(topology / "thread_siblings_list")
        if not listed:
            return None
        siblings.add(listed)
    return len(siblings) or None


def last_cache(allowed: Collection[int], root: Path = SYS) -> int | None:
    """Bytes of all last-level caches that *allowed* processors reach; None where sysfs does not tell."""
    found: dict[str, int] = {}
    for n in allowed:
        folders = sorted((root / f"devices/system/cpu/cpu{n}/cache").glob("index*"))
        if folders:
            size, shared = read(folders[-1] / "size") or "", read(folders[-1] / "shared_cpu_list") or ""
            if size.endswith("K") and size[:-1].isdecimal():
                found[shared] = int(size[:-1]) << 10
    return sum(found.values()) or None


def cpu_list(listed: str) -> set[int]:
    """The kernel's ``0-3,8,10-11`` as numbers."""
    numbers: set[int] = set()
    for part in filter(None, listed.split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def usable_threads() -> int:
    """Logical processors that this process may use: affinity and the cgroup's CPU quota."""
    count = len(allowed_processors())
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):  # no cgroup v2 here
        return count
    return count if quota == "max" else max(1, min(count, round(int(quota) / int(period))))


def allowed_processors() -> set[int]:
    """The logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def this_name() -> str:
    """This processor's name as the system tells it, else its architecture."""
    if sys.platform == "darwin":
        brand = sysctl("machdep.cpu.brand_string")
        return str(brand) if brand else platform.machine()
    board = read(PROC / "device-tree/model") if sys.platform == "linux" else None
    return name(_cpuinfo(), board) or platform.processor() or platform.machine()


def this_features() -> tuple[str, ...]:
    """This processor's vector extensions; empty where the system does not tell."""
    if sys.platform == "darwin":
        return apple_features(sysctl)
    if sys.platform == "win32":
        present = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return tuple(ours for ours, number in _WINDOWS.items() if present(number))
    return features(_cpuinfo())


def this_cores(threads: int) -> int:
    """Physical performance cores that this process may use, at most *threads*."""
    if sys.platform == "darwin":
        fast = sysctl("hw.perflevel0.physicalcpu") or sysctl("hw.physicalcpu")
        count = fast if isinstance(fast, int) else None
    else:
        count = cores(allowed_processors()) if sys.platform == "linux" else None
    if not count:
        import psutil

        count = psutil.cpu_count(logical=False)
    return max(1, min(threads, count or threads))


def sysctl(key: str) -> int | str | None:
    """A value of macOS's sysctl, a number where it has the size of one; None where there is none of that name."""
    library = _libc()
    if library is None:
        return None
    size = ctypes.c_size_t(0)
    if library.sysctlbyname(key.encode(), None, ctypes.byref(size), None, ctypes.c_size_t(0)) or not size.value:
        return None
    buffer = ctypes.create_string_buffer(size.value)
    if library.sysctlbyname(key.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        return None
    raw = buffer.raw[: size.value]
    # Names such as "Apple M1" are longer than a number, and no name that is asked for here is as short as one.
    return int.from_bytes(raw, sys.byteorder) if len(raw) in (4, 8) else raw.rstrip(b"\0").decode("utf-8", "replace")


@cache
def _cpuinfo() -> str:
    return read(PROC / "cpuinfo") or ""


@cache
def _libc() -> ctypes.CDLL | None:
    if platform.system() != "Darwin":
        return None
    return ctypes.CDLL("/usr/lib/libSystem.B.dylib", use_errno=True)
