"""Macs from system_profiler's words and macOS's limit for graphics."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homeroom.hardware import apple
from homeroom.hardware.presets import known

GIB, MIB = 1 << 30, 1 << 20


@pytest.mark.parametrize(
    ("memory", "limit_mib"), [(8, 5461), (16, 10922), (24, 16384), (32, 21845), (36, 27648), (64, 49152), (128, 98304)]
)
def test_the_default_limit(memory: int, limit_mib: int) -> None:
    """Metal's recommendedMaxWorkingSetSize as llama.cpp has logged it on Macs of these sizes."""
    assert apple.default_limit(memory * GIB) // MIB == limit_mib


def test_one_memory_and_its_limit(sample: Callable[[str], str]) -> None:
    [device] = apple.parse(sample("system-profiler-m4-max.json"), 64 * GIB, 50 * GIB, None).devices
    assert device.name == "Apple M4 Max (40-core GPU)" and device.kind == "metal"
    assert device.memory_total == 48 * GIB and device.memory_free == 48 * GIB
    assert device.unified and device.memory_own == 0
    assert known(device).bandwidth == 546e9


def test_a_limit_that_was_set_goes_before_the_default(sample: Callable[[str], str]) -> None:
    [device] = apple.parse(sample("system-profiler-m4-max.json"), 64 * GIB, 20 * GIB, 57344 * MIB).devices
    assert (device.memory_total, device.memory_free) == (56 * GIB, 20 * GIB)


def test_a_chip_with_fewer_cores_has_its_own_bandwidth(sample: Callable[[str], str]) -> None:
    [device] = apple.parse(sample("system-profiler-m3-max-30.json"), 36 * GIB, 30 * GIB, None).devices
    assert known(device).bandwidth == 300e9


def test_an_intel_mac_has_a_card(sample: Callable[[str], str]) -> None:
    inside, card = apple.parse(sample("system-profiler-intel-mac.json"), 16 * GIB, 8 * GIB, None).devices
    assert inside.unified and not card.unified and not card.integrated
    assert (card.name, card.memory_total) == ("AMD Radeon Pro 5500M", 8 * GIB)


def test_a_virtual_macs_graphics_are_none(sample: Callable[[str], str]) -> None:
    assert apple.parse(sample("system-profiler-virtual.json"), 16 * GIB, 8 * GIB, None).devices == ()


def test_without_system_profiler_the_chips_name_is_enough() -> None:
    [device] = apple.parse("", 16 * GIB, 8 * GIB, None, "Apple M1").devices
    assert device.unified and known(device).bandwidth == 68.25e9
    reading = apple.parse("", 16 * GIB, 8 * GIB, None, "Intel(R) Core(TM) i7")
    assert reading.devices == () and [note.key for note in reading.notes] == ["hardware.apple.failed"]


def test_a_chip_of_two_speeds_whose_cores_are_not_told_has_none() -> None:
    [device] = apple.parse("", 64 * GIB, 8 * GIB, None, "Apple M3 Max").devices
    assert known(device).bandwidth is None


def test_fewer_cores_compute_less() -> None:
    [device] = apple.parse(
        '{"SPDisplaysDataType": [{"sppci_model": "Apple M1 Max", "sppci_cores": "24"}]}', 32 * GIB, 20 * GIB, None
    ).devices
    found = known(device)
    assert found.bandwidth == 400e9 and found.tflops == pytest.approx(10.5 * 24 / 32)
