"""Watching a process from outside: what it holds in memory, and whether it still does anything.

Knows the operating system's figures; does not know what the process is for.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


class Watch:
    """Look at process *pid* again and again; ``resident`` is the bytes that it held at the last look."""

    def __init__(self, pid: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._pid, self._clock = pid, clock
        self._seen: tuple[float, float] | None = None
        self._since = clock()
        self._first: float | None = None
        self.resident = 0
        self.spent = 0.0
        """Seconds of processor time since the first look."""

    def stalled(self, seconds: float, *, memory_only: bool = False) -> bool:
        """Whether it has neither computed nor taken or given back memory for *seconds*; with *memory_only* whatever it
        computes. A process that has ended has not stalled: its end is seen elsewhere."""
        try:
            process = psutil.Process(self._pid)
            times = process.cpu_times()
            self.resident = process.memory_info().rss
        except psutil.NoSuchProcess:
            return False
        total = times.user + times.system
        self._first = total if self._first is None else self._first
        self.spent = total - self._first
        seen = (0.0 if memory_only else round(total, 1), float(self.resident // 1_000_000))
        if seen != self._seen:
            self._seen, self._since = seen, self._clock()
        return self._clock() - self._since > seconds
