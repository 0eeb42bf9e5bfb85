"""One allowance for all connections, by a clock of the test's own."""

from __future__ import annotations

import pytest

from homeroom.models.download.rate import SWIFT, Rate, Swift


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


async def test_in_the_long_run_the_limit_holds() -> None:
    clock = Clock()
    rate = Rate(1000, sleep=clock.sleep, clock=clock)
    for _ in range(100):
        await rate.take(70)
    assert clock.now == pytest.approx(100 + 7, abs=0.3)


async def test_a_pause_is_no_saving() -> None:
    clock = Clock()
    rate = Rate(1000, sleep=clock.sleep, clock=clock)
    await rate.take(10)
    clock.now = 200.0
    await rate.take(2000)
    assert clock.now == pytest.approx(202, abs=0.3)


async def test_no_limit_is_no_wait() -> None:
    clock = Clock()
    await Rate(0, sleep=clock.sleep, clock=clock).take(1 << 40)
    assert clock.now == 100.0


def test_swift_is_what_was_swift_each_time() -> None:
    clock = Clock()
    swift = Swift(clock)
    assert [swift.proven, swift.left] == [False, None]
    for seconds, proven in ((0.9, True), (0.5, True), (1.1, False)):
        swift.begin(int(SWIFT))
        assert swift.left == pytest.approx(1)
        clock.now += seconds
        swift.end()
        assert [swift.proven, swift.left] == [proven, None]


def test_swift_is_given_up() -> None:
    swift = Swift(Clock())
    swift.begin(1000)
    swift.give_up()
    assert swift.left is None
    swift.end()
    assert not swift.proven
