"""Measured memory bandwidth, and the file that keeps it."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from homeroom.hardware import bandwidth
from homeroom.hardware.machine import Machine, detect

MIB, GIB = 1 << 20, 1 << 30
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return detect()


def found(machine: Machine, home: Path, value: float) -> bandwidth.Measurement:
    return bandwidth.cached(home, machine, measure=lambda _: value, now=lambda: NOON)


def test_it_is_near_what_a_plain_search_reads() -> None:
    """One thread of ours against Python's own search for a byte that is not there, in the same memory size."""
    with mmap.mmap(-1, 64 * MIB) as memory:
        memory[:] = b"\1" * (64 * MIB)
        rates = []
        for _ in range(5):
            start = time.perf_counter()
            assert memory.find(b"\0") == -1
            rates.append(64 * MIB / (time.perf_counter() - start))
    ours = bandwidth.measure(1, 64 * MIB, seconds=0.3)
    assert max(rates) / 10 < ours < max(rates) * 10


def test_two_threads_read_at_once() -> None:
    assert bandwidth.measure(2, 64 * MIB, seconds=0.2) > 1e9


def test_it_ends_by_itself() -> None:
    """However busy the machine is: what it takes when it is not, `make bench` tells."""
    start = time.perf_counter()
    bandwidth.measure(2, 64 * MIB, seconds=0.3)
    assert time.perf_counter() - start < 30.0


def test_the_buffer_is_well_over_the_cache() -> None:
    assert bandwidth.buffer_bytes(32 * MIB, 64 * GIB) == 256 * MIB
    assert bandwidth.buffer_bytes(128 * MIB, 64 * GIB) == 512 * MIB
    assert bandwidth.buffer_bytes(None, 64 * GIB) == 512 * MIB
    assert bandwidth.buffer_bytes(1152 * MIB, 700 * GIB) == 4608 * MIB
    assert bandwidth.buffer_bytes(2304 * MIB, 700 * GIB) == 8 * GIB
    assert bandwidth.buffer_bytes(32 * MIB, 400 * MIB) == 100 * MIB  # a small machine keeps most of its memory


def test_it_is_measured_once(tmp_path: Path, machine: Machine) -> None:
    home = tmp_path / "home"
    assert found(machine, home, 5e10) == bandwidth.Measurement(5e10, "2026-03-01T12:00:00+00:00")
    assert found(machine, home, 9e10).bandwidth == 5e10
    assert bandwidth.recorded(home, machine) == bandwidth.Measurement(5e10, "2026-03-01T12:00:00+00:00")
    assert [path.name for path in home.iterdir()] == [bandwidth.FILE]


@pytest.mark.parametrize(
    "damage",
    [
        "", "{", "[]", "null", '{"bandwidth": 5e10}', '{"bandwidth": "x", "date": "y"}', "\ud800", "[" * 100_000,
        f'{{"bandwidth": {"9" * 400}, "date": "2026-03-01T12:00:00+00:00"}}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_replaced(tmp_path: Path, machine: Machine, damage: str) -> None:
    (tmp_path / bandwidth.FILE).write_bytes(damage.encode("utf-8", "surrogatepass"))
    assert bandwidth.recorded(tmp_path, machine) is None
    assert found(machine, tmp_path, 5e10).bandwidth == 5e10
    assert bandwidth.recorded(tmp_path, machine) is not None


@pytest.mark.parametrize("value", [0, -5e10, 1e20, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_is_replaced(tmp_path: Path, machine: Machine, value: float) -> None:
    content = {"machine": bandwidth.fingerprint(machine), "bandwidth": value, "date": NOON.isoformat()}
    (tmp_path / bandwidth.FILE).write_text(json.dumps(content), encoding="utf-8")
    assert found(machine, tmp_path, 5e10).bandwidth == 5e10


def test_another_machines_file_is_replaced(tmp_path: Path, machine: Machine) -> None:
    """A home may travel: on a disk, or over the network."""
    found(machine, tmp_path, 5e10)
    other = replace(machine, processor="another")
    assert bandwidth.recorded(tmp_path, other) is None
    assert found(other, tmp_path, 9e10).bandwidth == 9e10
    for changed in (replace(machine, cores=machine.cores + 1), replace(machine, memory_total=3 * machine.memory_total)):
        assert bandwidth.fingerprint(changed) != bandwidth.fingerprint(machine)
    busy = replace(machine, memory_free=1, memory_total=machine.memory_total + 1000)
    assert bandwidth.fingerprint(busy) == bandwidth.fingerprint(machine)


@pytest.mark.skipif(sys.platform == "win32", reason="a file stands where the folder should")
def test_a_home_that_cannot_be_written_costs_only_time(tmp_path: Path, machine: Machine) -> None:
    (tmp_path / "home").write_text("a file", encoding="ascii")
    assert found(machine, tmp_path / "home" / "below", 5e10).bandwidth == 5e10


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices in folders are POSIX")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, machine: Machine) -> None:
    os.mkfifo(tmp_path / bandwidth.FILE)
    assert bandwidth.recorded(tmp_path, machine) is None
    (tmp_path / bandwidth.FILE).unlink()
    (tmp_path / bandwidth.FILE).symlink_to("/dev/zero")
    assert bandwidth.recorded(tmp_path, machine) is None


def at_a_time(machine: Machine, home: Path, value: float, *, busy: bool, days: float = 0) -> tuple[float, bool, bool]:
    """Rate, whether it is of a busy time, and whether it was measured now."""
    measured = list[float]()

    def measure(_: Machine) -> float:
        measured.append(value)
        return value

    got = bandwidth.cached(
        home, machine, measure=measure, now=lambda: NOON + timedelta(days=days), watch=lambda: lambda: busy
    )
    return got.bandwidth, got.busy, bool(measured)


def test_what_was_measured_in_a_busy_time_is_measured_again(tmp_path: Path, machine: Machine) -> None:
    assert at_a_time(machine, tmp_path, 1.5e10, busy=True) == (1.5e10, True, True)
    assert at_a_time(machine, tmp_path, 1.2e10, busy=True) == (1.5e10, True, True)
    assert at_a_time(machine, tmp_path, 2.0e10, busy=True) == (2.0e10, True, True)
    assert at_a_time(machine, tmp_path, 5.4e10, busy=False) == (5.4e10, False, True)
    assert at_a_time(machine, tmp_path, 1.5e10, busy=True) == (5.4e10, False, False)


def test_an_old_measurement_is_measured_again(tmp_path: Path, machine: Machine) -> None:
    assert at_a_time(machine, tmp_path, 5e10, busy=False) == (5e10, False, True)
    assert at_a_time(machine, tmp_path, 4e10, busy=False, days=29) == (5e10, False, False)
    assert at_a_time(machine, tmp_path, 1e10, busy=True, days=31) == (5e10, False, True)
    assert at_a_time(machine, tmp_path, 4e10, busy=False, days=31) == (4e10, False, True)
    assert at_a_time(machine, tmp_path, 3e10, busy=False, days=-5) == (3e10, False, True)  # of a wrong clock


def test_other_processes_are_seen() -> None:
    spin = "import time\nwhile time.perf_counter() >= 0: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(os.cpu_count() or 1)]
    try:
        time.sleep(0.2)
        busy = bandwidth.watch_others()
        time.sleep(0.5)
        assert busy()
    finally:
        for each in others:
            each.kill()
            each.wait()


def test_its_own_work_is_not_taken_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With others left out of the count: only what is more than all of the processor would remain."""
    monkeypatch.setattr(bandwidth, "BUSY", 0.9)
    busy = bandwidth.watch_others()
    bandwidth.measure(os.cpu_count() or 1, 64 * MIB, seconds=0.4)
    assert not busy()
