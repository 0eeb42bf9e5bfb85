"""AMD's cards and integrated graphics, by the kernel's sysfs or the tool rocm-smi.

Knows the files of the amdgpu driver; does not know ROCm's runtime. Integrated graphics may use their carve-out (memory
that the firmware took from main memory at start) and, on top, main memory up to the limit of the GTT. Sources: Linux,
Documentation/gpu/amdgpu/driver-misc.rst (mem_info_*); ``rocm-smi --json``.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from homeroom import text
from homeroom.hardware import pci
from homeroom.hardware.device import Device, Reading
from homeroom.text import Sentence, sentence

VENDOR: Final = 0x1002
SECONDS: Final = 10.0

APUS: Final = {
    # PCI ids of graphics inside a processor, and the name they are sold under where it is one and the same.
    # Source: Linux, drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c (AMD_IS_APU) and libdrm's data/amdgpu.ids.
    0x15D8: "Radeon Vega (Picasso)",
    0x15DD: "Radeon Vega (Raven Ridge)",
    0x1636: "Radeon Graphics (Renoir)",
    0x1638: "Radeon Graphics (Cezanne)",
    0x164C: "Radeon Graphics (Lucienne)",
    0x163F: "Radeon Graphics (Van Gogh)",
    0x1435: "Radeon Graphics (Van Gogh)",
    0x1506: "Radeon 610M",
    0x164E: "Radeon Graphics (Raphael)",
    0x13C0: "Radeon Graphics (Granite Ridge)",
    0x1681: "Radeon 680M",
    0x15BF: "Radeon 780M",
    0x15C8: "Radeon 740M",
    0x1900: "Radeon 780M",
    0x1901: "Radeon 740M",
    0x150E: "Radeon 890M",
    0x1114: "Radeon 840M",
    0x1586: "Radeon 8060S",
}
_ID_FILES: Final = ("/usr/share/libdrm/amdgpu.ids", "/opt/amdgpu/share/libdrm/amdgpu.ids")
_PCI_FILES: Final = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")


def parse_card(card: pci.Card, memory_free: int, *, kfd: bool, ids: str = "", listing: str = "") -> Device | None:
    """The device behind one sysfs card; None where amdgpu does not drive it (old cards, servers' management chips).

    *memory_free* is main memory's, in bytes; *kfd* whether the kernel offers compute (``/dev/kfd``), which ROCm needs;
    *ids* is libdrm's amdgpu.ids and *listing* pci.ids, for the name.
    """
    vram = card.number("mem_info_vram_total")  # a file of amdgpu's alone
    if card.number("vendor") != VENDOR or not vram:
        return None
    own_free = max(0, vram - (card.number("mem_info_vram_used") or 0))
    gtt = card.number("mem_info_gtt_total") or 0
    integrated = _integrated(card, vram, gtt)
    total, free = vram, own_free
    if integrated:
        total += gtt
        free += min(max(0, gtt - (card.number("mem_info_gtt_used") or 0)), memory_free)
    link = None if integrated else card.link
    return Device(
        name=_name(card, ids, listing),
        kind="rocm" if kfd else "vulkan",
        memory_total=total,
        memory_free=free,
        unified=integrated,
        integrated=integrated,
        memory_own=vram,
        link_bandwidth=pci.bandwidth(*link) if link else None,
        link=pci.words(*link) if link else "",
        driver=card.driver,
        address=card.address,
    )


def _integrated(card: pci.Card, vram: int, gtt: int) -> bool:
    """Whether it is part of a processor. A card knows who made its memory; a carve-out has no maker."""
    if card.number("device") in APUS:
        return True
    return card.files.get("mem_info_vram_vendor", "unknown") == "unknown" and vram < gtt


def _name(card: pci.Card, ids: str, listing: str) -> str:
    device, revision = card.number("device") or 0, card.number("revision") or 0
    told = card.files.get("product_name", "")
    if told and not told.startswith("0x"):
        return told
    found = re.search(rf"^{device:04X},\s*{revision:02X},\s*(.+)$", ids, re.M | re.I)
    name = found[1].strip() if found else APUS.get(device) or pci.name_of(listing, VENDOR, device)
    return f"AMD {name.removeprefix('AMD ')}" if name else f"AMD {device:04x}"


def notes_for(device: Device, memory_total: int) -> tuple[Sentence, ...]:
    """What to say of integrated graphics that could use more of the memory that is there."""
    pool = memory_total + device.memory_own
    if not device.unified or device.memory_total >= 0.85 * pool or pool < 24 << 30:
        return ()
    return (
        sentence("hardware.amd.limit", name=device.name, usable=text.size(device.memory_total), pool=text.size(pool)),
    )


def parse_rocm(output: str, memory_free: int) -> Reading:
    """``rocm-smi --showproductname --showmeminfo vram gtt --showbus --json``; raises nothing, says what is wrong."""
    try:
        answers: dict[str, Any] = json.loads(output[output.index("{") :])
    except ValueError:  # no JSON in it: the tool complains in words
        return Reading(notes=(sentence("hardware.amd.failed"),))
    driver = str(answers.get("system", {}).get("Driver version", ""))
    devices = [
        _rocm_device(card, driver, memory_free)
        for name, card in sorted(answers.items())
        if re.fullmatch(r"card\d+", name) and _count(card, "VRAM Total Memory (B)")
    ]
    return Reading(tuple(devices))


def _rocm_device(card: Mapping[str, str], driver: str, memory_free: int) -> Device:
    vram, gtt = _count(card, "VRAM Total Memory (B)"), _count(card, "GTT Total Memory (B)")
    model = card.get("Card Model") or card.get("Card model") or ""
    identity = int(model, 16) if re.fullmatch(r"0x[0-9a-f]+", model) else None
    integrated = identity in APUS
    total, free = vram, max(0, vram - _count(card, "VRAM Total Used Memory (B)"))
    if integrated:
        total += gtt
        free += min(max(0, gtt - _count(card, "GTT Total Used Memory (B)")), memory_free)
    name = card.get("Card Series") or card.get("Card series") or (APUS.get(identity) if identity else None) or model
    return Device(
        name=name if name.startswith("AMD") else f"AMD {name}".strip(),
        kind="rocm",
        memory_total=total,
        memory_free=free,
        unified=integrated,
        integrated=integrated,
        memory_own=vram,
        driver=driver,
        address=card.get("PCI Bus", "").lower(),
    )


def _count(card: Mapping[str, str], key: str) -> int:
    value = str(card.get(key, ""))
    return int(value) if value.isdecimal() else 0


def detect(cards: tuple[pci.Card, ...], memory_total: int, memory_free: int, dev: Path = Path("/dev")) -> Reading:
    """This machine's AMD graphics among sysfs's *cards*; rocm-smi is asked where sysfs shows none and the tool is there."""
    kfd = (dev / "kfd").exists()
    devices: list[Device] = []
    if any(card.number("vendor") == VENDOR for card in cards):
        ids, listing = _first(_ID_FILES), _first(_PCI_FILES)
        found = (parse_card(card, memory_free, kfd=kfd, ids=ids, listing=listing) for card in cards)
        devices = [device for device in found if device is not None]
    tool = shutil.which("rocm-smi") if kfd and not devices else None
    if tool:
        command = [tool, "--showproductname", "--showmeminfo", "vram", "gtt", "--showbus", "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return Reading(notes=(sentence("hardware.amd.failed"),))
        reading = parse_rocm(done.stdout, memory_free)
        devices = list(reading.devices)
        if not devices:
            return reading
    # Beside a card nobody minds what the processor's own graphics may use.
    alone = devices if all(device.integrated for device in devices) else []
    notes = [one for device in alone for one in notes_for(device, memory_total)]
    if devices and not kfd:
        notes.append(sentence("hardware.amd.no_kfd"))
    return Reading(tuple(devices), tuple(notes))


def _first(paths: tuple[str, ...]) -> str:
    return next((content for path in paths if (content := pci.read(Path(path)))), "")
