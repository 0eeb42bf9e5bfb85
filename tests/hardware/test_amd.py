"""AMD's cards and integrated graphics from sysfs and rocm-smi."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from homeroom.hardware import amd, pci
from homeroom.hardware.device import Device, in_order
from homeroom.hardware.presets import known

GIB = 1 << 30


def read(root: Path, memory_free: int, ids: str = "", listing: str = "") -> list[Device]:
    found = (amd.parse_card(card, memory_free, kfd=True, ids=ids, listing=listing) for card in pci.read_cards(root))
    return [device for device in found if device is not None]


def test_strix_halo_is_seen_whole_through_the_gtt(sysfs: Callable[[str], Path], sample: Callable[[str], str]) -> None:
    [device] = read(sysfs("strix-halo-gtt.tree"), 120 * GIB, sample("amdgpu.ids"))
    assert device.name == "AMD Radeon 8060S Graphics"
    assert device.memory_total == 100 * GIB and device.memory_own == 4 * GIB
    assert device.memory_free == 4_000_000_000 + 103_000_000_000
    assert device.integrated and device.unified and device.kind == "rocm"
    assert device.link_bandwidth is None  # what it shares needs no link
    assert known(device).bandwidth == 256e9


def test_strix_halo_with_a_carve_out_is_not_31_gigabytes(sysfs: Callable[[str], Path]) -> None:
    [device] = read(sysfs("strix-halo-carveout.tree"), 28 * GIB)
    assert device.memory_total == 96 * GIB + 16_642_998_272
    assert device.memory_own == 96 * GIB
    assert device.unified


def test_what_main_memory_cannot_give_is_not_free(sysfs: Callable[[str], Path]) -> None:
    [device] = read(sysfs("strix-halo-gtt.tree"), 10 * GIB)
    assert device.memory_free == 4_000_000_000 + 10 * GIB


def test_a_card_comes_before_integrated_graphics(sysfs: Callable[[str], Path], sample: Callable[[str], str]) -> None:
    devices = read(sysfs("desktop-7900xtx.tree"), 60 * GIB, sample("amdgpu.ids"), sample("pci.ids"))
    card, inside = in_order(devices)
    assert card.name == "AMD Radeon RX 7900 XTX" and not card.integrated and not card.unified
    assert (card.memory_total, card.memory_free) == (25_753_026_560, 24_000_000_000)  # main memory does not count
    assert card.link == "PCIe 4.0 x4" and card.link_bandwidth == pytest.approx(7.88e9, rel=0.001)
    assert known(card).bandwidth == 960e9
    assert inside.integrated and inside.memory_total > card.memory_total


def test_management_chips_and_virtual_cards_are_none(sysfs: Callable[[str], Path]) -> None:
    root = sysfs("server-phantoms.tree")
    assert len(pci.read_cards(root)) == 7
    assert read(root, GIB) == []


def test_without_compute_in_the_kernel_only_vulkan_is_left(sysfs: Callable[[str], Path], tmp_path: Path) -> None:
    cards = pci.read_cards(sysfs("desktop-7900xtx.tree"))
    reading = amd.detect(cards, 64 * GIB, 60 * GIB, dev=tmp_path)
    assert {device.kind for device in reading.devices} == {"vulkan"}
    assert [note.key for note in reading.notes] == ["hardware.amd.no_kfd"]
    (tmp_path / "kfd").touch()
    reading = amd.detect(cards, 64 * GIB, 60 * GIB, dev=tmp_path)
    assert {device.kind for device in reading.devices} == {"rocm"} and reading.notes == ()


def test_a_limit_that_can_be_raised_is_told(sysfs: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "kfd").touch()
    cards = pci.read_cards(sysfs("strix-halo-gtt.tree"))
    [note] = amd.detect(cards, 124 * GIB, 120 * GIB, dev=tmp_path).notes
    assert note.key == "hardware.amd.limit"
    assert "107.4 GB" in str(note) and "137.4 GB" in str(note) and "ttm.pages_limit" in str(note)


def test_an_unknown_card_keeps_its_number(sysfs: Callable[[str], Path], sample: Callable[[str], str]) -> None:
    devices = read(sysfs("desktop-7900xtx.tree"), GIB)
    assert [device.name for device in devices] == ["AMD Radeon Graphics (Raphael)", "AMD 744c"]
    [_, named] = read(sysfs("desktop-7900xtx.tree"), GIB, listing=sample("pci.ids"))
    assert named.name == "AMD Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M"
    assert known(named).bandwidth is None  # four cards of three speeds


def test_rocm_smi(sample: Callable[[str], str]) -> None:
    reading = amd.parse_rocm(sample("rocm-smi-mi210.json"), 500 * GIB)
    [device] = reading.devices
    assert (device.name, device.memory_total) == ("AMD Instinct MI210", 68_702_699_520)
    assert device.memory_free == 68_702_699_520 - 11_567_104 and not device.integrated
    assert device.driver == "6.8.5" and device.address == "0000:43:00.0"
    assert known(device).bandwidth == 1638.4e9
    [halo] = amd.parse_rocm(sample("rocm-smi-strix-halo.json"), 100 * GIB).devices
    assert halo.unified and halo.memory_total == 536_870_912 + 67_108_864_000 and halo.memory_own == 536_870_912


def test_rocm_smi_that_complains() -> None:
    reading = amd.parse_rocm("ERROR: GPU not found", GIB)
    assert reading.devices == () and [note.key for note in reading.notes] == ["hardware.amd.failed"]
