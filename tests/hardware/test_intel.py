"""Intel's cards and integrated graphics from sysfs and the drivers' own answers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from homeroom.hardware import intel, pci
from homeroom.hardware.device import in_order
from homeroom.hardware.presets import known

GIB = 1 << 30


def xe(*regions: tuple[int, int, int]) -> bytes:
    """struct drm_xe_query_mem_regions of ``(class, total, used)``."""
    body = b"".join(struct.pack("<HHI4Q6Q", kind, 0, 4096, total, used, *(0,) * 8) for kind, total, used in regions)
    return struct.pack("<II", len(regions), 0) + body


def i915(*regions: tuple[int, int, int]) -> bytes:
    """struct drm_i915_query_memory_regions of ``(class, probed, unallocated)``."""
    body = b"".join(struct.pack("<HHIQQ8Q", kind, 0, 0, size, free, *(0,) * 8) for kind, size, free in regions)
    return struct.pack("<IIII", len(regions), 0, 0, 0) + body


def test_xe_tells_what_is_used() -> None:
    assert intel.parse_regions("xe", xe((0, 64 * GIB, 0), (1, 12 * GIB, GIB))) == (12 * GIB, 11 * GIB)


def test_i915_tells_what_is_free() -> None:
    assert intel.parse_regions("i915", i915((0, 64 * GIB, GIB), (1, 16 * GIB, 15 * GIB))) == (16 * GIB, 15 * GIB)


def test_several_tiles_are_one_card() -> None:
    assert intel.parse_regions("xe", xe((1, 64 * GIB, 0), (1, 64 * GIB, 0))) == (128 * GIB, 128 * GIB)


def test_no_memory_of_its_own() -> None:
    assert intel.parse_regions("xe", xe((0, 32 * GIB, 0))) is None
    assert intel.parse_regions("i915", b"") is None


def test_an_answer_cut_short_is_not_read_over_its_end() -> None:
    whole = xe((1, 12 * GIB, 0), (1, 12 * GIB, 0))
    assert intel.parse_regions("xe", whole[:-1]) == (12 * GIB, 12 * GIB)
    assert intel.parse_regions("xe", struct.pack("<II", 1 << 31, 0)) is None


def test_arc_comes_before_the_processors_graphics(sysfs: Callable[[str], Path], sample: Callable[[str], str]) -> None:
    inside, arc = pci.read_cards(sysfs("arc-and-uhd.tree"))
    listing = sample("pci.ids")
    uhd = intel.parse_card(inside, None, 32 * GIB, 30 * GIB, listing)
    b580 = intel.parse_card(arc, xe((0, 32 * GIB, 0), (1, 12 * GIB, 0)), 32 * GIB, 30 * GIB, listing)
    assert uhd is not None and b580 is not None
    assert [device.name for device in in_order([uhd, b580])] == ["Intel Arc B580", "Intel UHD Graphics 770"]
    assert (b580.memory_total, b580.memory_own, b580.unified) == (12 * GIB, 12 * GIB, False)
    assert b580.link == "PCIe 4.0 x8" and known(b580).bandwidth == 456e9
    assert (uhd.memory_total, uhd.memory_own, uhd.unified, uhd.integrated) == (24 * GIB, 0, True, True)
    assert uhd.memory_free == 24 * GIB
    assert known(uhd).bandwidth is None


def test_a_card_that_may_not_be_asked_has_what_its_window_shows(sysfs: Callable[[str], Path]) -> None:
    reading = intel.detect(pci.read_cards(sysfs("arc-and-uhd.tree")), 32 * GIB, 30 * GIB)
    assert [(device.memory_total, device.integrated) for device in in_order(reading.devices)] == [
        (16 * GIB, False),
        (24 * GIB, True),
    ]
    assert [note.key for note in reading.notes] == ["hardware.intel.window"]


def test_a_small_window_is_not_taken_for_shared_memory(sysfs: Callable[[str], Path]) -> None:
    root = sysfs("arc-and-uhd.tree")
    window = root / "devices/pci0000:00/0000:00:01.0/0000:03:00.0/resource"
    window.write_text("0x0000006000000000 0x000000600fffffff 0x000000000014220c\n", encoding="ascii")
    reading = intel.detect(pci.read_cards(root), 32 * GIB, 30 * GIB)
    assert [device.integrated for device in reading.devices] == [True]
    assert [note.key for note in reading.notes] == ["hardware.intel.unknown"]


def test_other_makers_are_left_alone(sysfs: Callable[[str], Path]) -> None:
    for tree in ("server-phantoms.tree", "desktop-7900xtx.tree"):
        assert intel.detect(pci.read_cards(sysfs(tree)), GIB, GIB).devices == ()
