"""Intel's graphics: Arc cards with memory of their own, and those inside a processor that share main memory.

Knows the queries of the kernel drivers xe and i915; does not know oneAPI. Neither driver shows its memory in sysfs, both
answer a query on the render node. Sources: Linux, include/uapi/drm/xe_drm.h and i915_drm.h; Mesa,
src/intel/vulkan/anv_device.c (share of main memory).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from homeroom.hardware import pci
from homeroom.hardware.device import Device, Reading
from homeroom.text import sentence

VENDOR: Final = 0x8086
DRIVERS: Final = ("xe", "i915")
SMALL: Final = 4 << 30
_PCI_FILES: Final = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")

_XE_QUERY: Final = 0xC0286440  # DRM_IOWR(DRM_COMMAND_BASE + DRM_XE_DEVICE_QUERY, struct drm_xe_device_query)
_I915_QUERY: Final = 0xC0106479  # DRM_IOWR(DRM_COMMAND_BASE + DRM_I915_QUERY, struct drm_i915_query)
_REGION: Final = 88
"""Bytes of one region in either driver's answer."""


def parse_regions(driver: str, answer: bytes) -> tuple[int, int] | None:
    """``(total, free)`` bytes of the card's own memory in a driver's answer to its query for memory regions.

    None where the card has none: it is integrated. Without the right to see others' use, the drivers say nothing of it,
    and free is then the total.
    """
    head = 8 if driver == "xe" else 16
    if len(answer) < head:
        return None
    total = free = 0
    for index in range(struct.unpack_from("<I", answer)[0]):
        at = head + index * _REGION
        if at + _REGION > len(answer):
            break
        kind = struct.unpack_from("<H", answer, at)[0]
        if kind != 1:  # 0: main memory
            continue
        size, other = struct.unpack_from("<QQ", answer, at + 8)
        total += size
        # xe tells what is used (0 where that is not allowed to be known), i915 what is not.
        free += size - other if driver == "xe" else min(size, other)
    return (total, free) if total else None


def share(memory_total: int) -> int:
    """The most of main memory that integrated graphics take: half of 4 GiB or less, else three quarters (Mesa)."""
    return memory_total // 2 if memory_total <= SMALL else memory_total * 3 // 4


def parse_card(
    card: pci.Card, regions: bytes | None, memory_total: int, memory_free: int, listing: str = ""
) -> Device | None:
    """The device behind one sysfs card; None where neither xe nor i915 drives it, or a card's memory is not known.

    *regions* is the driver's answer to the query for memory, None where the render node could not be asked; then a card
    has as much as its PCI window shows, if that is not just the small one of a board without resizable windows.
    """
    if card.number("vendor") != VENDOR or card.driver not in DRIVERS:
        return None
    named = pci.name_of(listing, VENDOR, card.number("device") or 0)
    name = f"Intel {named}" if named else f"Intel {card.number('device') or 0:04x}"
    own = parse_regions(card.driver, regions) if regions else _window(card)
    if own is not None:
        link = card.link
        return Device(
            name=name,
            kind="intel",
            memory_total=own[0],
            memory_free=own[1],
            memory_own=own[0],
            link_bandwidth=pci.bandwidth(*link) if link else None,
            link=pci.words(*link) if link else "",
            driver=card.driver,
            address=card.address,
        )
    if not regions and not _inside(card):
        return None
    usable = share(memory_total)
    return Device(
        name=name,
        kind="intel",
        memory_total=usable,
        memory_free=min(usable, memory_free),
        unified=True,
        integrated=True,
        driver=card.driver,
        address=card.address,
    )


def _inside(card: pci.Card) -> bool:
    """Whether it is part of the processor: Intel's always have this address."""
    return card.address == "0000:00:02.0"


def _window(card: pci.Card) -> tuple[int, int] | None:
    """The largest prefetchable window in sysfs's ``resource``, from 1 GiB on; that of integrated graphics is no memory."""
    if _inside(card):
        return None
    sizes = [0]
    for line in card.files.get("resource", "").splitlines()[:6]:
        found = re.fullmatch(r"0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+)", line.strip())
        if found and int(found[3], 16) & 0x2000:  # IORESOURCE_PREFETCH
            sizes.append(int(found[2], 16) - int(found[1], 16) + 1)
    return (max(sizes), max(sizes)) if max(sizes) >= 1 << 30 else None


def detect(cards: tuple[pci.Card, ...], memory_total: int, memory_free: int) -> Reading:
    """This machine's Intel graphics among sysfs's *cards*."""
    ours = [card for card in cards if card.number("vendor") == VENDOR and card.driver in DRIVERS]
    if not ours:
        return Reading()
    listing = next((content for path in _PCI_FILES if (content := pci.read(Path(path)))), "")
    devices, notes = [], []
    for card in ours:
        regions = ask(card)
        device = parse_card(card, regions, memory_total, memory_free, listing)
        if device is None:
            notes.append(sentence("hardware.intel.unknown", address=card.address))
            continue
        devices.append(device)
        if regions is None and not device.integrated:
            notes.append(sentence("hardware.intel.window", name=device.name))
    return Reading(tuple(devices), tuple(notes))


def ask(card: pci.Card) -> bytes | None:
    """The driver's answer to its query for memory regions; None where the render node may not be opened or asked."""
    with contextlib.suppress(OSError), _opened(card.node) as node:
        return _ask_xe(node) if card.driver == "xe" else _ask_i915(node)
    return None


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    node = os.open(path, os.O_RDWR)
    try:
        yield node
    finally:
        os.close(node)


def _ask_xe(node: int) -> bytes:
    """struct drm_xe_device_query: extensions, query, size, data, two reserved. Size 0 asks for the size."""
    import fcntl

    query = bytearray(struct.pack("<QIIQQQ", 0, 1, 0, 0, 0, 0))  # DRM_XE_DEVICE_QUERY_MEM_REGIONS
    fcntl.ioctl(node, _XE_QUERY, query)
    size = struct.unpack_from("<I", query, 12)[0]
    answer = ctypes.create_string_buffer(size)
    fcntl.ioctl(node, _XE_QUERY, bytearray(struct.pack("<QIIQQQ", 0, 1, size, ctypes.addressof(answer), 0, 0)))
    return answer.raw


def _ask_i915(node: int) -> bytes:
    """struct drm_i915_query: items, flags, their address; an item: query, length, flags, data. Length 0 asks for it."""
    import fcntl

    item = ctypes.create_string_buffer(struct.pack("<QiIQ", 4, 0, 0, 0), 24)  # DRM_I915_QUERY_MEMORY_REGIONS
    query = struct.pack("<IIQ", 1, 0, ctypes.addressof(item))
    fcntl.ioctl(node, _I915_QUERY, bytearray(query))
    length = struct.unpack_from("<i", item.raw, 8)[0]
    if length <= 0:  # a kernel without this query
        return b""
    answer = ctypes.create_string_buffer(length)
    struct.pack_into("<QiIQ", item, 0, 4, length, 0, ctypes.addressof(answer))
    fcntl.ioctl(node, _I915_QUERY, bytearray(query))
    return answer.raw
