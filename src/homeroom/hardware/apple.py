"""Apple's graphics: one processor, one memory, and the part of it that macOS lets graphics use.

Knows Metal's own figure, sysctl and system_profiler; does not know which chip has which bandwidth (the presets do).
"""

from __future__ import annotations

import ctypes
import json
import platform
import re
import subprocess
from typing import Any, Final

from homeroom.hardware.device import Device, Reading
from homeroom.hardware.processor import sysctl
from homeroom.text import sentence

SECONDS: Final = 10.0
GIB: Final = 1 << 30
LARGE: Final = 36 * GIB


def default_limit(memory_total: int) -> int:
    """Bytes that macOS lets graphics use where nothing was set: two thirds of memory, three quarters from 36 GiB on.

    Seen in llama.cpp's logs as Metal's ``recommendedMaxWorkingSetSize``: 10,923 MiB of 16 GiB, 21,845 of 32, 27,648 of
    36, 49,152 of 64. Newer releases of macOS allow more (107.5 GiB of 128), so it is only used where Metal is not asked.
    """
    return memory_total * 2 // 3 if memory_total < LARGE else memory_total * 3 // 4


def parse(displays: str, memory_total: int, memory_free: int, limit: int | None, brand: str = "") -> Reading:
    """``system_profiler SPDisplaysDataType -json``, main memory in bytes and the GPU's *limit* (None: the default).

    *brand* is the chip's name by sysctl, used where system_profiler names none.
    """
    try:
        found: list[dict[str, Any]] = json.loads(displays)["SPDisplaysDataType"]
    except (ValueError, KeyError, TypeError):
        found = [{"sppci_model": brand}] if brand.startswith("Apple") else []
        if not found:
            return Reading(notes=(sentence("hardware.apple.failed"),))
    return Reading(tuple(_device(one, memory_total, memory_free, limit) for one in found if _counts(one)))


def _counts(display: dict[str, Any]) -> bool:
    """Graphics that Metal drives: Apple's own, and Intel Macs' that have Metal. A virtual machine's have none."""
    name = str(display.get("sppci_model") or display.get("_name") or "")
    return name.startswith("Apple M") or "spdisplays_mtlgpufamilysupport" in display or "spdisplays_metal" in display


def _device(display: dict[str, Any], memory_total: int, memory_free: int, limit: int | None) -> Device:
    name = str(display.get("sppci_model") or display.get("_name"))
    count = display.get("sppci_cores")
    own = re.fullmatch(r"(\d+) (GB|MB)", str(display.get("spdisplays_vram", "")))
    if own and not name.startswith("Apple"):
        size = int(own[1]) << (30 if own[2] == "GB" else 20)
        return Device(name=name, kind="metal", memory_total=size, memory_free=size, memory_own=size)
    usable = limit or default_limit(memory_total)
    return Device(
        name=f"{name} ({count}-core GPU)" if count else name,
        kind="metal",
        memory_total=min(usable, memory_total),
        memory_free=min(usable, memory_free),
        unified=True,
        integrated=True,
    )


def detect(memory_total: int, memory_free: int) -> Reading:
    """This Mac's graphics."""
    brand = str(sysctl("machdep.cpu.brand_string") or "")
    command = ["/usr/sbin/system_profiler", "SPDisplaysDataType", "-json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        displays = done.stdout
    except (OSError, subprocess.TimeoutExpired):
        displays = ""
    wired = sysctl("iogpu.wired_limit_mb")
    limit = metal_limit() or (wired << 20 if isinstance(wired, int) and wired else None)
    return parse(displays, memory_total, memory_free, limit, brand)


def metal_limit() -> int | None:
    """Metal's ``recommendedMaxWorkingSetSize`` in bytes, which also tells a limit that was set by sysctl."""
    if platform.system() != "Darwin":
        return None
    try:
        ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")  # Metal finds no device without
        metal = ctypes.CDLL("/System/Library/Frameworks/Metal.framework/Metal")
        runtime = ctypes.CDLL("/usr/lib/libobjc.A.dylib")
    except OSError:
        return None
    metal.MTLCreateSystemDefaultDevice.restype = ctypes.c_void_p
    device = metal.MTLCreateSystemDefaultDevice()
    if not device:
        return None
    runtime.sel_registerName.restype = ctypes.c_void_p
    runtime.sel_registerName.argtypes = [ctypes.c_char_p]
    send = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(("objc_msgSend", runtime))
    return int(send(device, runtime.sel_registerName(b"recommendedMaxWorkingSetSize"))) or None
