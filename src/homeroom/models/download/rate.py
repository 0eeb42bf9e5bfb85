"""How fast bytes may come, one allowance that all connections of a download draw from; and when they come fast enough.

Knows time and counts; does not know what is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from homeroom.models.disk import Sleep

_BURST: Final = 0.25
"""Seconds of allowance that a pause may leave over."""
SWIFT: Final = 300e6
"""Bytes a second of one connection from which on more connections cost more than they bring."""


class Rate:
    """At most *rate* bytes a second in the long run; 0 is no limit."""

    def __init__(self, rate: int, *, sleep: Sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._sleep = sleep
        self._clock = clock
        self._paid_until = float("-inf")

    @property
    def unlimited(self) -> bool:
        return not self._rate

    async def take(self, count: int) -> None:
        """Note that *count* bytes have come, and wait until they were allowed to."""
        if not self._rate:
            return
        now = self._clock()
        self._paid_until = max(self._paid_until, now - _BURST) + count / self._rate
        if self._paid_until > now:
            await self._sleep(self._paid_until - now)


class Swift:
    """Whether one connection is so fast that it is left alone. It has to be so with each answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.proven = False
        self._clock = clock
        self._due: float | None = None

    def begin(self, count: int) -> None:
        """An answer of *count* bytes begins."""
        self._due = self._clock() + count / SWIFT

    def end(self) -> None:
        """All of it has come, if there was one."""
        self.proven = self.left is not None
        self._due = None

    def give_up(self) -> None:
        self.proven, self._due = False, None

    @property
    def left(self) -> float | None:
        """Seconds until it is known not to be swift; None: it is not, or nothing is under way."""
        left = 0.0 if self._due is None else self._due - self._clock()
        return left if left > 0 else None
