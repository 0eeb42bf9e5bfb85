"""How fast bytes may come: one allowance that all connections of a download draw from.

Knows time and counts; does not know what is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from homeroom.models.disk import Sleep

_BURST: Final = 0.25
"""Seconds of allowance that a pause may leave over."""


class Rate:
    """At most *rate* bytes a second in the long run; 0 is no limit."""

    def __init__(self, rate: int, *, sleep: Sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._sleep = sleep
        self._clock = clock
        self._paid_until = float("-inf")

    async def take(self, count: int) -> None:
        """Note that *count* bytes have come, and wait until they were allowed to."""
        if not self._rate:
            return
        now = self._clock()
        self._paid_until = max(self._paid_until, now - _BURST) + count / self._rate
        if self._paid_until > now:
            await self._sleep(self._paid_until - now)
