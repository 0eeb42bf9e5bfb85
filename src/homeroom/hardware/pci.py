"""Graphics cards as the Linux kernel lists them in sysfs, PCI names and link speeds.

Knows files under ``/sys/class/drm`` and ``/sys/bus/pci``, and the rates of PCI Express; does not know makers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SYS: Final = Path("/sys")

LANE: Final = {
    # Bytes a second of one lane, one direction, after the line code (PCI Express Base Specification 6.0, section 4.2:
    # 8b/10b, then 128b/130b, then 242 of 256 bytes of a flit).
    1: 2.5e9 / 8 * 8 / 10,
    2: 5e9 / 8 * 8 / 10,
    3: 8e9 / 8 * 128 / 130,
    4: 16e9 / 8 * 128 / 130,
    5: 32e9 / 8 * 128 / 130,
    6: 64e9 / 8 * 242 / 256,
}
_GENERATION: Final = {2.5: 1, 5.0: 2, 8.0: 3, 16.0: 4, 32.0: 5, 64.0: 6}
_FILES: Final = (
    # What any maker's parser reads of a card.
    "uevent",
    "vendor",
    "device",
    "revision",
    "product_name",
    "mem_info_vram_total",
    "mem_info_vram_used",
    "mem_info_gtt_total",
    "mem_info_gtt_used",
    "mem_info_vram_vendor",
    "resource",
)
_CARD: Final = re.compile(r"card\d+")


@dataclass(frozen=True, slots=True)
class Card:
    """One card as sysfs tells it: the files' contents by name, and its path to the processor."""

    files: Mapping[str, str]
    hops: tuple[tuple[int, int], ...] = ()
    """Generation and lanes of each PCI Express link from the card to the processor, the best that each can do."""
    node: str = ""
    """Its render node, ``/dev/dri/renderD128``."""

    def number(self, name: str) -> int | None:
        """The file *name* as a number (decimal or ``0x``); None where it is absent or is none."""
        try:
            return int(self.files[name], 0)
        except (KeyError, ValueError):
            return None

    @property
    def driver(self) -> str:
        return self._event("DRIVER")

    @property
    def address(self) -> str:
        return self._event("PCI_SLOT_NAME")

    @property
    def link(self) -> tuple[int, int] | None:
        """Generation and lanes of the narrowest link on the way; None where there is none."""
        return min(self.hops, key=lambda hop: bandwidth(*hop) or 0.0, default=None)

    def _event(self, name: str) -> str:
        found = re.search(rf"^{name}=(.*)$", self.files.get("uevent", ""), re.M)
        return found[1].strip() if found else ""


def bandwidth(generation: int, lanes: int) -> float | None:
    """Bytes a second of a PCI Express link in one direction; None for a generation that is not known."""
    return LANE[generation] * lanes if generation in LANE and lanes > 0 else None


def words(generation: int, lanes: int) -> str:
    return f"PCIe {generation}.0 x{lanes}"


def generation_of(speed: str) -> int | None:
    """The generation of sysfs's ``16.0 GT/s PCIe`` (older kernels: ``8 GT/s``)."""
    found = re.match(r"([\d.]+) GT/s", speed)
    return _GENERATION.get(float(found[1])) if found else None


def name_of(listing: str, vendor: int, device: int) -> str | None:
    """The name of a device in ``pci.ids``: what stands in square brackets, where something does."""
    at_vendor = re.search(rf"^{vendor:04x}  .*$", listing, re.M)
    if at_vendor is None:
        return None
    for line in listing[at_vendor.end() + 1 :].splitlines():
        if line.startswith(f"\t{device:04x}  "):
            name = line.split("  ", 1)[1]
            bracketed = re.search(r"\[(.+)\]", name)
            return bracketed[1] if bracketed else name
        if line and not line.startswith(("\t", "#")):
            return None
    return None


def read_cards(root: Path = SYS) -> tuple[Card, ...]:
    """Every card that a kernel driver has made a DRM device of, in the order of their numbers."""
    try:
        folders = [path for path in (root / "class/drm").iterdir() if _CARD.fullmatch(path.name)]
    except OSError:  # no such driver, or not Linux
        return ()
    found = (_read_card(folder / "device") for folder in sorted(folders, key=lambda path: int(path.name[4:])))
    return tuple(card for card in found if card.files.get("vendor"))


def displays(root: Path = SYS) -> Iterator[tuple[int, int]]:
    """Vendor and device of every display controller on the PCI bus (class 0x03), driver or not."""
    try:
        folders = sorted((root / "bus/pci/devices").iterdir())
    except OSError:
        return
    for folder in folders:
        if (read(folder / "class") or "").startswith("0x03"):
            vendor, device = read(folder / "vendor"), read(folder / "device")
            if vendor and device:
                yield int(vendor, 16), int(device, 16)


def read(path: Path) -> str | None:
    """A small file's text, stripped; None where it is absent or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return None


def _read_card(folder: Path) -> Card:
    files = {name: content for name in _FILES if (content := read(folder / name)) is not None}
    nodes = sorted((folder / "drm").glob("renderD*"))
    return Card(files, tuple(_hops(folder)), f"/dev/dri/{nodes[0].name}" if nodes else "")


def _hops(folder: Path) -> Iterator[tuple[int, int]]:
    """The links above a card. A card may hide behind a switch of its own, whose inner links are wider than its slot.

    The speed is the most that a link can do, since an idle card lowers it; lanes do not change while it idles.
    """
    real = folder.resolve()
    while (speed := read(real / "max_link_speed")) is not None:
        lanes = read(real / "current_link_width") or ""
        generation = generation_of(speed)
        if generation is not None and lanes.isdecimal() and int(lanes):
            yield generation, int(lanes)
        real = real.parent
