"""Watching real processes: one that computes, one that rests, one that is gone."""

from __future__ import annotations

import subprocess
import sys
import time

from homeroom.engine.watch import Watch


def test_a_process_that_computes_has_not_stalled_and_one_that_rests_has() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(1)  # both have started
        watches = [Watch(busy.pid), Watch(idle.pid)]
        stalled = [False, False]
        for _ in range(15):
            time.sleep(0.2)
            stalled = [watch.stalled(1.5) for watch in watches]
        assert stalled == [False, True]
        assert watches[0].resident > 1_000_000
    finally:
        for process in (busy, idle):
            process.kill()
            process.wait()
    assert Watch(busy.pid).stalled(0) is False
