"""AMD's and Intel's graphics on Windows, by the registry; NVIDIA's are found by their own library.

Knows where a display driver writes its card's name and memory; does not know how much of that is free.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeroom.hardware import amd, intel
from homeroom.hardware.device import Device, Reading
from homeroom.text import sentence

CLASS: Final = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}"
"""Display adapters (Microsoft, "System-Defined Device Setup Classes Available to Vendors")."""
_ARC: Final = re.compile(r"\bArc\b.*\b[AB]\d{2,3}\b")
_NAME, _SIZE, _MATCH = "HardwareInformation.AdapterString", "HardwareInformation.qwMemorySize", "MatchingDeviceId"


def parse(entries: Iterable[Mapping[str, Any]], memory_total: int, memory_free: int) -> Reading:
    """One mapping of registry values for each adapter. Adapters of other makers (and software's) do not count.

    ``Win32_VideoController`` is not asked: its AdapterRAM ends at 4 GiB.
    """
    devices: list[Device] = []
    for entry in entries:
        found = re.match(r"pci\\ven_([0-9a-f]{4})&dev_([0-9a-f]{4})", str(entry.get(_MATCH, "")).lower())
        size = entry.get(_SIZE)
        if found is None or not isinstance(size, int) or size <= 0:
            continue
        vendor, identity = int(found[1], 16), int(found[2], 16)
        if vendor not in (amd.VENDOR, intel.VENDOR):
            continue
        name = str(entry.get(_NAME) or entry.get("DriverDesc") or f"{vendor:04x}:{identity:04x}")
        if vendor == amd.VENDOR:
            integrated, own = identity in amd.APUS, size
        else:
            # What Intel's driver writes for integrated graphics is no memory of theirs.
            integrated = not _ARC.search(name)
            own = 0 if integrated else size
        # Windows lets integrated graphics have their carve-out and half of main memory.
        total = own + memory_total // 2 if integrated else size
        devices.append(
            Device(
                name=name,
                kind="vulkan" if vendor == amd.VENDOR else "intel",
                memory_total=total,
                memory_free=min(own + memory_free, total) if integrated else size,
                unified=integrated,
                integrated=integrated,
                memory_own=own,
                driver=str(entry.get("DriverVersion") or ""),
            )
        )
    notes = (sentence("hardware.windows.free"),) if any(not device.integrated for device in devices) else ()
    return Reading(tuple(devices), notes)


def detect(memory_total: int, memory_free: int) -> Reading:
    """This machine's adapters of AMD and Intel; nothing where this is not Windows."""
    return parse(_entries(), memory_total, memory_free)


def _entries() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, CLASS) as adapters:
                for index in range(winreg.QueryInfoKey(adapters)[0]):
                    name = winreg.EnumKey(adapters, index)
                    if name.isdecimal():
                        with winreg.OpenKey(adapters, name) as adapter:
                            values = [winreg.EnumValue(adapter, at) for at in range(winreg.QueryInfoKey(adapter)[1])]
                            entries.append({key: value for key, value, _ in values})
        except OSError:  # a key that only administrators read: what was found counts
            return entries
    return entries
